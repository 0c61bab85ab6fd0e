"""table.py - a table of cells on paper: read, compared with what was found, written.

    # a comment
    none own  other                a head: the columns
    -    204  -      POST /x       a row: its cells, then its name

A line with words only is a head for the rows below it until the next one."""
import pathlib

HERE = pathlib.Path(__file__).resolve().parent


class Table:
    def __init__(self, name):
        self.path = HERE / name
        self.rows, self.notes, self.columns = {}, [], []
        for line in self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else ():
            if line.startswith("#") or not line.strip():
                self.notes += [line] if not self.rows else []
            elif not self.columns:
                self.columns = line.split()[:-1]  # the last word is the title of the names
            else:
                cells = line.split(None, len(self.columns))
                self.rows[cells[-1].strip()] = cells[:-1]

    def judge(self, columns, found):
        """What differs, in sentences. `found`: the cells of each row that there should be."""
        wrong = []
        if self.columns != list(columns):
            wrong.append(f"{self.path.name} has the columns {self.columns}, asked were {list(columns)}")
            return wrong
        for name in found:
            if name not in self.rows:
                wrong.append(f"{name}: there is no row for it in {self.path.name}; found {' '.join(found[name])}")
        for name in self.rows:
            if name not in found:
                wrong.append(f"{name}: a row in {self.path.name} of something that is not served")
        for name in self.rows.keys() & found.keys():
            for column, expected, got in zip(columns, self.rows[name], found[name], strict=True):
                if expected != got:
                    wrong.append(f"{name}: {column} is {got}, expected {expected}")
        return wrong

    def write(self, columns, found, title):
        """For --write: what was found, in the file's order; somebody has to read the difference."""
        names = [name for name in self.rows if name in found] + [name for name in found if name not in self.rows]
        width = max(max(map(len, columns)), *(len(cell) for name in names for cell in found[name])) + 1
        put = lambda cells, name: "".join(f"{cell:<{width}}" for cell in cells) + f" {name}\n"
        text = "\n".join(self.notes) + "\n" if self.notes else ""
        self.path.write_text(text + put(columns, title) + "".join(put(found[name], name) for name in names),
                             encoding="utf-8")
