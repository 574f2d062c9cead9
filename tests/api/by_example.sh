#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
# docs/by-example says what the examples are: every block of C on a page stands in its example as it
# is, the output shown is the expected one, and every example with an expected output has a page.
command -v python3 >/dev/null || { echo "no python3"; exit 77; }
exec python3 - "$SRC" <<'END'
import pathlib, re, sys
src = pathlib.Path(sys.argv[1])
pages = src / "docs/by-example"
index = (pages / "README.md").read_text()
faults = []
examples = [p.stem for p in sorted((src / "examples").glob("*.expected"))
            if not p.stem.startswith("rt0")]
for name in examples:
    page = pages / (name + ".md")
    if not page.exists():
        faults.append(f"examples/{name}.c has no page")
        continue
    text = page.read_text()
    code = (src / "examples" / (name + ".c")).read_text()
    blocks = re.findall(r"^```c\n(.*?)^```$", text, re.M | re.S)
    if not blocks:
        faults.append(f"{name}.md shows no code")
    for block in blocks:
        if block not in code:
            faults.append(f"{name}.md shows what examples/{name}.c does not have:\n{block}")
    shown = re.search(r"^## Output\n\n((?:    .*\n)+)", text, re.M)
    expected = (src / "examples" / (name + ".expected")).read_text()
    if not shown or re.sub("^    ", "", shown[1], flags=re.M) != expected:
        faults.append(f"{name}.md shows another output")
    if f"({name}.md)" not in index:
        faults.append(f"the index has no link to {name}.md")
for page in pages.glob("*.md"):
    for link in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if "://" not in link and not (pages / link).exists():
            faults.append(f"{page.name}: no {link}")
    if page.stem != "README" and page.stem not in examples:
        faults.append(f"{page.name} has no example")
print("\n".join(faults) if faults else f"{len(examples)} pages")
sys.exit(1 if faults else 0)
END
