"""Options that a command does not know, kept until all else that is wrong is known too."""

from __future__ import annotations

import click

from clr_sweep.cli.group import Command

# Where a command's context keeps them.
_KEPT = "clr_sweep.unknown_options"


def unknown_options(ctx: click.Context) -> list[str]:
    """Those that a command was given."""
    kept: list[str] = ctx.meta.setdefault(_KEPT, [])
    return kept


class KeepsUnknownOptions(Command):
    """Keeps unknown options, to refuse them together with all else that is wrong.

    `mlflow run -P trails=5` hands over `--trails 5`, whatever the name.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        known = {name: not option.is_flag for option in options for name in option.opts}
        unknown = unknown_options(ctx)
        rest: list[str] = []
        words: list[str] = []  # neither an option nor the value of a known one
        swallowed: list[str] = []  # taken for the values of unknown options
        waiting = list(args)
        while waiting:
            token = waiting.pop(0)
            name = token.partition("=")[0]
            if token.startswith("--") and len(token) > 2 and name not in known:
                unknown.append(name)
                value = waiting[0] if waiting and name == token else "--"
                if not value.startswith("--") and value not in known:
                    swallowed.append(waiting.pop(0))
                continue
            rest.append(token)
            if known.get(token) and waiting:
                rest.append(waiting.pop(0))
            elif not token.startswith("-"):
                words.append(token)
        # `run --verbose sweep.yaml`: what seemed a value is the sweep file.
        return super().parse_args(ctx, rest if words else [*rest, *swallowed[-1:]])
