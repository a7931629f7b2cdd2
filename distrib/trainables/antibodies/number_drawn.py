"""How many different antibodies a way of drawing has to give."""

from __future__ import annotations

from distrib.errors import InputError


def check_number(num: int, *, temperature: float, top_k: int, beam: int = 1) -> None:
    """Raise where more are asked for than there are: the rest would be copies.

    A beam search has as many as it has beams; the likeliest token at every place makes one.

    Args:
        num: for one input. beam: 1: none.
    """
    greedy = temperature == 0 or top_k == 1
    most = beam if beam > 1 else 1 if greedy else num
    if num <= most:
        return
    how = f"a beam search of {beam} beams" if beam > 1 else "the likeliest token at every place"
    raise InputError(
        f"{how} gives {most} for each input, others would be copies of it"
        if most == 1
        else f"{how} gives {most} for each input",
        where="--num",
        found=num,
        expected=f"at most {most}",
        hint="more beams (--beam)"
        if beam > 1
        else "drawing at a --temperature above 0, from more than one token (--top-k)",
    )
