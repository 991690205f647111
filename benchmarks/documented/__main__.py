"""Writes what the documentation says of the kept runs: `python -m benchmarks.documented`.

The heads of the sweeps, the blocks of the pages, the figures in `docs/images` and the report in
`docs` are made anew from `benchmarks/recorded/runs`. Nothing is trained; `python -m
benchmarks.documented.keep` keeps a run.
"""

from __future__ import annotations

from benchmarks.documented import figures, heads, pages, report
from benchmarks.documented.blocks import replaced
from benchmarks.documented.kept import kept, read, sweep_file


def main() -> None:
    for sweep in kept():
        file = sweep_file(sweep)
        file.write_text(heads.with_head(file.read_text(encoding="utf-8"), read(sweep)), "utf-8")
        print(file.relative_to(pages.PROJECT))
    for page, block in pages.BLOCKS:
        file = pages.PROJECT / page
        text = file.read_text(encoding="utf-8")
        file.write_text(replaced(text, block, pages.content(page, block)), "utf-8")
        print(f"{page}: {block}")
    for drawn in (*figures.draw(), report.write_report()):
        print(drawn.relative_to(pages.PROJECT))


if __name__ == "__main__":
    main()
