"""Write docs/licences.md: under which licence each locked Python package is.

Run after a change of requirements.lock: .venv/bin/python scripts/licences.py
"""

import re
import sys
from importlib.metadata import PackageMetadata, PackageNotFoundError, metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
PAGE = ROOT / "docs" / "licences.md"

# What may be used without a word: licences that ask for no more than that their text stays.
FREE = {
    *("0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python"),
    *("ISC", "MIT", "MIT-0", "PSF-2.0", "Zlib"),
}
OF_FILES = "asks to publish changes of its own files; none is changed"
# Packages under another licence, and why they may be used all the same.
OTHERS = {
    "certifi": OF_FILES,
    "chardet": "a library of sqlfluff, used as it comes",
    "hypothesis": OF_FILES,
    "orjson": OF_FILES,
    "pathspec": OF_FILES,
    "text-unidecode": "by choice under the Artistic License, as it comes, in python-slugify",
    "tqdm": OF_FILES,
    "yamllint": "a command that `make lint` runs; no code of it is imported or passed on",
}
# Locked for one kind of system alone, so that another has no metadata of them
NOT_HERE = {
    "jeepney": "MIT",
    "pywin32-ctypes": "BSD-3-Clause",
    "secretstorage": "BSD-3-Clause",
    "tzdata": "Apache-2.0",
}
# How metadata that has no SPDX expression writes it
SPDX = {
    "Apache Software License": "Apache-2.0",
    "Artistic License": "Artistic-1.0",
    "BSD License": "BSD",
    "GNU General Public License (GPL)": "GPL",
    "GNU General Public License v2 or later (GPLv2+)": "GPL-2.0-or-later",
    "GNU General Public License v3 (GPLv3)": "GPL-3.0",
    "GNU Lesser General Public License v2 or later (LGPLv2+)": "LGPL-2.0-or-later",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "3-Clause BSD License": "BSD-3-Clause",
}

HEAD = """\
# Licences

The package itself is under the [Apache License 2.0](https://www.apache.org/licenses/LICENSE-2.0). A
project that installs it gets SQL, Jinja, Python models and CSV files; the two dbt packages that it
depends on, dbt_utils and dbt_expectations, are under Apache-2.0. On DuckDB its Python models need
pyarrow (Apache-2.0).

What is below is only for this repository's own commands: all of `requirements.lock`. `make docs`
adds mkdocs (BSD) and mkdocs-material (MIT), `make bench` polars (MIT) and matplotlib (PSF-like).

| package | licence | why, where it is not Apache, MIT, BSD or like them |
|---|---|---|
"""


def locked() -> list[str]:
    """The names of requirements.lock, each once."""
    names = re.findall(r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==", LOCK.read_text(), re.MULTILINE)
    return sorted(set(names))


def licence_of(name: str) -> str:
    """The licence that an installed package states."""
    try:
        stated = metadata(name)
    except PackageNotFoundError:
        return NOT_HERE[name]
    [expression] = stated.get_all("License-Expression", [""])
    return expression or " OR ".join(_of_classifiers(stated)) or _of_text(stated)


def _of_classifiers(stated: PackageMetadata) -> list[str]:
    named = [
        classifier.split(" :: ")[-1]
        for classifier in stated.get_all("Classifier", [])
        if classifier.startswith("License :: OSI Approved :: ")
    ]
    return [SPDX[name] for name in named]


def _of_text(stated: PackageMetadata) -> str:
    [text] = stated.get_all("License", [""])
    return SPDX.get(text, text)


def needs_a_word(licence: str) -> bool:
    """Whether no way to read the licence leaves free ones alone."""
    return not any(
        all(part.strip(" ()") in FREE for part in choice.split(" AND "))
        for choice in _choices(licence)
    )


def _choices(licence: str) -> list[str]:
    """`A AND (B OR C)` is A with B or A with C; else each side of OR."""
    if inner := re.search(r"\((.*?)\)", licence):
        return [licence.replace(inner[0], choice) for choice in inner[1].split(" OR ")]
    return licence.split(" OR ")


def page() -> str:
    """The whole page."""
    rows = []
    for name in locked():
        licence = licence_of(name)
        if needs_a_word(licence) != (name in OTHERS):
            raise SystemExit(f"{name} is under {licence}: see OTHERS in {Path(__file__).name}")
        rows.append(f"| {name} | {licence} | {OTHERS.get(name, '')} |\n")
    return HEAD + "".join(rows)


def main() -> int:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
