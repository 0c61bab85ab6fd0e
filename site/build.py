#!/usr/bin/python3
"""build.py --out DIR [--version V]: the documentation as pages: docs/**/*.md become HTML with navigation and an index
for the search. They need no server and no network. The links of docs/README.md are the navigation.

A link that leads nowhere, a page that no link leads to and a picture that nobody shows are errors."""
import argparse
import html
import json
import pathlib
import posixpath
import re
import shutil
import sys

try:
    import markdown
    from markdown.extensions.toc import TocExtension
except ImportError:
    markdown = None

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
DOCS = ROOT / "docs"
BEGINNING_MAX = 140
NONE = """<!doctype html><html lang="en"><title>azimuth</title><h1>No documentation in this build</h1>
<p>python3-markdown was missing when this was built. Install it (<code>./dev deps build</code>) and build again.</html>
"""
LINK = re.compile(r'<a href="([^"]+)">(.*?)</a>', re.DOTALL)
PICTURE = re.compile(r'<img alt="([^"]*)" src="([^"]+)"\s*/?>')


class Wrong(Exception):
    """What is wrong with the documentation, in a sentence."""


def address(source):
    """Where the page of a file lies: at most one folder deep, so that links to it are short."""
    first, *rest = source.split("/")
    if not rest:
        return "index.html" if first == "README.md" else first[:-3] + ".html"
    if rest == ["README.md"]:
        return first + ".html"
    name = "-".join(rest)[:-3].removesuffix("-README")
    return f"{first}/{name}.html"


def slug(text, separator):
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", separator)


def with_gaps(text):
    """A list may follow a line of text at once, as on GitHub; this library wants a line between."""
    lines, fenced = [], False
    for line in text.split("\n"):
        fenced ^= line.startswith("```")
        before = lines[-1] if lines else ""
        if not fenced and re.match(r"([*-]|\d+\.) ", line) and before and not re.match(r"([*-]|\d+\.) |\s", before):
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def plain(text):
    return html.unescape(re.sub(r"<[^>]+>", "", text)).strip()


def beginning(text):
    """Of a section, as the search shows it: whole words."""
    return text if len(text) <= BEGINNING_MAX else text[:BEGINNING_MAX].rsplit(" ", 1)[0] + " …"


class Page:
    """A file of docs/ and what it becomes."""

    def __init__(self, source):
        self.source, self.address = source, address(source)
        text = (DOCS / source).read_text(encoding="utf-8")
        reader = markdown.Markdown(extensions=["tables", "fenced_code", TocExtension(slugify=slug)])
        self.body = self._for_everybody(reader.convert(with_gaps(text)))
        self.title = plain(re.search(r"<h1[^>]*>(.*?)</h1>", self.body)[1])
        self.heads = [(int(level), anchor, plain(words)) for level, anchor, words in
                      re.findall(r'<h([1-4]) id="([^"]+)">(.*?)</h\1>', self.body, re.DOTALL)]
        self.anchors = set(re.findall(r' id="([^"]+)"', self.body))
        self.links = [target for target, _ in LINK.findall(self.body)]

    @staticmethod
    def _for_everybody(body):
        """What keyboards and screen readers need; and an anchor for each row that is about a code."""
        body = re.sub(r"<thead>\s*<tr>\s*(<th[^>]*></th>\s*)+</tr>\s*</thead>\s*", "", body)
        body = re.sub(r"<th([^>]*)></th>", r"<td\1></td>", body)
        body = body.replace("<table>", '<div class="table" tabindex="0"><table>').replace("</table>", "</table></div>")
        body = body.replace("<pre>", '<pre tabindex="0">')
        return re.sub(r"<tr>\s*<td><code>(C\d+)</code></td>", lambda m: f'<tr id="{m[1].lower()}"><td><code>{m[1]}</code></td>', body)

    def sections(self):
        """[anchor, heading, text] of what lies below each heading."""
        pieces = re.split(r'<h[1-4] id="([^"]+)">(.*?)</h[1-4]>', self.body, flags=re.DOTALL)[1:]
        for anchor, heading, text in zip(pieces[::3], pieces[1::3], pieces[2::3]):
            yield anchor, plain(heading), re.sub(r"\s+", " ", plain(re.sub(r"</(td|p|li|pre|h\d)>", r" \g<0>", text)))


class Site:
    def __init__(self, version):
        self.version = version
        self.pages = {source: Page(source) for source in sorted(str(p.relative_to(DOCS)) for p in DOCS.rglob("*.md"))}
        self.shown, self.met, self.wrong = set(), {"README.md"}, []

    def target(self, page, link):
        """What a link of a page is on the site: an address relative to the page's, or None for what is not on it."""
        path, _, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link):
            return link
        source = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), path)) if path else page.source
        to = self.pages.get(source)
        if to is None:
            if not (DOCS / source).exists():
                self.wrong.append(f"docs/{page.source}: there is no {link}")
            elif not source.startswith(".."):
                self.wrong.append(f"docs/{page.source}: {link} is no page")
            return None
        if anchor and anchor not in to.anchors:
            self.wrong.append(f"docs/{page.source}: {source} has no #{anchor}")
        if to is not page:
            self.met.add(source)
        there = posixpath.relpath(to.address, posixpath.dirname(page.address) or ".") if path else ""
        return there + (f"#{anchor}" if anchor else "")

    def body(self, page):
        def link(m):
            to = self.target(page, html.unescape(m[1]))
            return f'<a href="{html.escape(to)}">{m[2]}</a>' if to else m[2]

        def picture(m):
            source = posixpath.normpath(posixpath.join(posixpath.dirname(page.source), m[2]))
            if not (DOCS / source).is_file():
                self.wrong.append(f"docs/{page.source}: there is no picture {m[2]}")
            if not m[1]:
                self.wrong.append(f"docs/{page.source}: {m[2]} has no words for who cannot see it")
            self.shown.add(source)
            to = posixpath.relpath(source, posixpath.dirname(page.address) or ".")
            return f'<img alt="{m[1]}" src="{to}" loading="lazy">'
        return LINK.sub(link, PICTURE.sub(picture, page.body))

    def navigation(self, page):
        """The lists of docs/README.md."""
        parts = re.split(r"<h2 id=\"[^\"]+\">(.*?)</h2>", self.pages["README.md"].body)
        for kind, text in zip(parts[1::2], parts[2::2]):
            yield f"<h2>{kind}</h2><ul>"
            for link, words in LINK.findall(text):
                source = posixpath.normpath(link)
                if source not in self.pages:
                    continue
                here = ' aria-current="page"' if source == page.source else ""
                to = posixpath.relpath(self.pages[source].address, posixpath.dirname(page.address) or ".")
                yield f'<li><a href="{to}"{here}>{words}</a></li>'
            yield "</ul>"

    @staticmethod
    def contents(page):
        heads = [(anchor, words) for level, anchor, words in page.heads if level == 2]
        if len(heads) < 3 or page.source == "README.md":
            return ""
        rows = "".join(f'<li><a href="#{anchor}">{html.escape(words)}</a></li>' for anchor, words in heads)
        return f'<nav class="contents" aria-label="On this page"><ul>{rows}</ul></nav>'

    def html(self, page, frame):
        root = "../" * page.address.count("/")
        title = page.title if page.source == "README.md" else f"{page.title} · azimuth"
        body, head = self.body(page), re.compile(r"(<h1.*?</h1>)", re.DOTALL)
        values = {"TITLE": html.escape(title), "ROOT": root, "NAVIGATION": "".join(self.navigation(page)),
                  "BODY": head.sub(lambda m: m[1] + self.contents(page), body, count=1), "VERSION": html.escape(self.version)}
        return re.sub(r"@([A-Z]+)@", lambda m: values[m[1]], frame)

    def index(self):
        """What the search looks in: [page, heading, address, beginning, words]."""
        for page in self.pages.values():
            for anchor, heading, text in page.sections():
                words = " ".join(dict.fromkeys(re.findall(r"[\w$./-]*\w", text.lower())))
                yield [page.title, heading, f"{page.address}#{anchor}", beginning(text), words]

    def write(self, out):
        frame = (HERE / "page.html").read_text(encoding="utf-8")
        for page in self.pages.values():
            to = out / page.address
            to.parent.mkdir(parents=True, exist_ok=True)
            to.write_text(self.html(page, frame), encoding="utf-8")
        pictures = {str(p.relative_to(DOCS)) for p in DOCS.rglob("*.png")} | {str(p.relative_to(DOCS)) for p in DOCS.rglob("*.svg")}
        self.wrong += [f"docs/{name}: no page shows it" for name in sorted(pictures - self.shown)]
        self.wrong += [f"docs/{name}: no link leads to it" for name in sorted(self.pages.keys() - self.met)]
        if self.wrong:
            raise Wrong("\n".join(self.wrong))
        for name in pictures:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(DOCS / name, out / name)
        index = json.dumps(list(self.index()), ensure_ascii=False, separators=(",", ":"))
        (out / "search-index.js").write_text(f"window.searchIndex = {index};\n", encoding="utf-8")
        for name in ("style.css", "search.js"):
            shutil.copyfile(HERE / name, out / name)
        shutil.copyfile(ROOT / "console/public/mark.svg", out / "mark.svg")


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("--version", default="")
    args = p.parse_args()
    shutil.rmtree(args.out, ignore_errors=True)
    args.out.mkdir(parents=True)
    if markdown is None:
        print("site: python3-markdown is missing (./dev deps build installs it): the documentation is one page that says so")
        (args.out / "index.html").write_text(NONE, encoding="utf-8")
        return
    try:
        Site(args.version).write(args.out)
    except Wrong as why:
        sys.exit(f"site: {why}")


if __name__ == "__main__":
    main()
