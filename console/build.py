#!/usr/bin/env python3
"""build.py - the web application as C: npm builds it, once for all build trees; its files and the documentation's pages
are compressed and written as arrays. Fails when they outgrow the budget."""
import argparse
import fcntl
import gzip
import hashlib
import pathlib
import re
import shutil
import subprocess
import sys

APP = pathlib.Path(__file__).resolve().parent
KB = 1024
# Compressed: what a browser loads before the first page is drawn; any one file; all of them.
FIRST_MAX, FILE_MAX, ALL_MAX = 120 * KB, 160 * KB, 400 * KB
DOCS_MAX = 1024 * KB  # the pages of the documentation and their pictures
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
         ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png", ".txt": "text/plain; charset=utf-8"}
NO_NPM = b"""<!doctype html><html lang="en"><title>azimuth</title><h1>No console in this build</h1>
<p>npm was missing when this binary was built. Install it (<code>./dev deps build</code>) and build again.</html>
"""


def sources():
    names = ("build.py", "index.html", "package.json", "package-lock.json", "vite.config.js", ".npmrc")
    return [APP / name for name in names] + sorted(p for p in (APP / "src").rglob("*") if p.is_file()) \
        + sorted(p for p in (APP / "public").rglob("*") if p.is_file())


def digest(paths):
    h = hashlib.sha256()
    for path in paths:
        h.update(str(path.relative_to(APP)).encode() + b"\0" + path.read_bytes() + b"\0")
    return h.hexdigest()


def run(work, *words):
    log = work / "build.log"
    with log.open("ab") as out:
        if subprocess.run(words, cwd=work / "app", stdout=out, stderr=out, stdin=subprocess.DEVNULL).returncode == 0:
            return
    sys.stderr.write(log.read_text(errors="replace")[-4000:])
    sys.exit(f"console: '{' '.join(map(str, words))}' failed (all of it: {log}); without the pages: cmake -DAZM_CONSOLE=OFF")


def mirror(work):
    """The sources beside node_modules, so that nothing is written into the tree."""
    app = work / "app"
    app.mkdir(parents=True, exist_ok=True)
    for folder in ("src", "public"):
        shutil.rmtree(app / folder, ignore_errors=True)
    for path in sources():
        to = app / path.relative_to(APP)
        to.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, to)


def built(work, npm):
    """The folder of built files; made anew when a source changed."""
    dist, stamp, installed = work / "dist", work / "stamp", work / "installed"
    wanted = digest(sources())
    if dist.is_dir() and stamp.is_file() and stamp.read_text() == wanted:
        return dist
    mirror(work)
    (work / "build.log").write_bytes(b"")
    packages = digest([APP / "package-lock.json"])
    if not installed.is_file() or installed.read_text() != packages:
        run(work, npm, "ci", "--no-audit", "--no-fund")
        installed.write_text(packages)
    run(work, npm, "run", "--silent", "build", "--", "--outDir", dist, "--emptyOutDir")
    stamp.write_text(wanted)
    return dist


def files_of(dist):
    for path in sorted(p for p in dist.rglob("*") if p.is_file()):
        yield str(path.relative_to(dist)), path.read_bytes()


def check_budget(packed):
    first = {"index.html", *re.findall(r'(?:src|href)="/console/([^"]+)"', packed["index.html"][0].decode())}
    sizes = {name: len(data[1]) for name, data in packed.items()}
    docs = sum(size for name, size in sizes.items() if name.startswith("docs/"))
    sums = (("the first load", sum(sizes[name] for name in first), FIRST_MAX),
            ("all files", sum(sizes.values()) - docs, ALL_MAX),
            ("the documentation", docs, DOCS_MAX),
            *((name, size, FILE_MAX) for name, size in sizes.items()))
    for what, size, most in sums:
        if size > most:
            sys.exit(f"console: {what}: {size / KB:.1f} KB compressed, over the budget of {most // KB} KB")
    print(f"console: first load {sums[0][1] / KB:.1f} KB, all {sums[1][1] / KB:.1f} KB, documentation {docs / KB:.1f} KB, compressed")


def write_c(packed, out):
    lines = ["/* Made by console/build.py. */", '#include "front/console/files.h"', ""]
    rows = []
    for i, (name, (data, small)) in enumerate(packed.items()):
        tag = hashlib.sha256(data).hexdigest()[:16]
        lines.append(f"static const uint8_t file_{i}[] = {{")
        lines += [",".join(str(b) for b in small[at:at + 64]) + "," for at in range(0, len(small), 64)]
        lines.append("};")
        kind = TYPES.get(pathlib.Path(name).suffix, "application/octet-stream")
        hashed = "true" if name.startswith("assets/") else "false"
        rows.append(f'    {{"{name}", "{kind}", "\\"{tag}\\"", {hashed}, {len(data)}, {len(small)}, file_{i}}},')
    lines += ["const struct console_file console_files[] = {", *rows, "};",
              "const size_t console_file_count = sizeof console_files / sizeof *console_files;", ""]
    text = "\n".join(lines)
    if not out.is_file() or out.read_text() != text:
        out.write_text(text)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("--out", type=pathlib.Path, required=True)
    p.add_argument("--work", type=pathlib.Path, required=True)
    p.add_argument("--npm", default="")
    p.add_argument("--docs", type=pathlib.Path, required=True, help="the documentation's pages (site/build.py)")
    args = p.parse_args()
    args.work = args.work.resolve()
    args.work.mkdir(parents=True, exist_ok=True)
    with (args.work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        usable = args.npm and "NOTFOUND" not in args.npm
        if not usable:
            print("console: npm is missing (./dev deps build installs it): the console is one page that says so")
        files = list(files_of(built(args.work, args.npm))) if usable else [("index.html", NO_NPM)]
        files += ((f"docs/{name}", data) for name, data in files_of(args.docs))
        packed = {name: (data, gzip.compress(data, 9, mtime=0)) for name, data in files}
    if usable:
        check_budget(packed)
    write_c(packed, args.out)
    args.out.touch()


main()
