"""Compositions that checkers must reject."""

from __future__ import annotations

from taskora.workflows import Bound, Signature, chain, chord, group


def check(
    fetch_bound: Bound[bytes],
    number_bound: Bound[int],
    text_bound: Bound[str],
    size: Signature[bytes, int],
    double: Signature[int, int],
    shout: Signature[str, str],
    total: Signature[list[int] | tuple[int, ...], int],
    pair: Signature[tuple[int, str], str],
) -> None:
    # A step that does not take what the one before gives
    chain(fetch_bound, double)  # error: mypy,pyright
    chain(fetch_bound, size, shout)  # error: mypy,pyright
    chain(size, shout)  # error: mypy,pyright
    fetch_bound | double  # error: mypy,pyright
    fetch_bound | size | shout  # error: mypy,pyright
    fetch_bound.pipe(double)  # error: mypy,pyright
    size | shout  # error: mypy,pyright
    chain([number_bound, double, shout])  # error: mypy,pyright
    chain(number_bound, [double, shout])  # error: mypy,pyright
    chain(fetch_bound, [double])  # error: mypy,pyright
    chain(fetch_bound, chain(double, double))  # error: mypy,pyright

    # A group's results
    chain(group(number_bound, number_bound), double)  # error: mypy,pyright
    chain(group(number_bound, number_bound), pair)  # error: mypy,pyright
    group(number_bound, text_bound) | total  # error: mypy,pyright
    chain(fetch_bound, group(double, double))  # error: mypy,pyright
    chain(fetch_bound, group(size, shout))  # error: mypy,pyright
    group(size, shout)  # error: pyright

    # A chord's callback
    chord([number_bound, number_bound], double)  # error: mypy,pyright
    chord([number_bound], shout)  # error: mypy,pyright
    chord([text_bound, text_bound], total)  # error: mypy,pyright
    chord(group(number_bound, number_bound), pair)  # error: mypy,pyright

    # Only what has its data can be dispatched or drawn
    size.dispatch()  # error: mypy,pyright
    chain(size, double).dispatch()  # error: mypy,pyright
    group(size, size).graph()  # error: mypy,pyright
    (size | double).to_json()  # error: mypy,pyright

    # Results are what they are
    wrong_result: str = (fetch_bound | size).dispatch().result()  # error: mypy,pyright
    wrong_tuple: tuple[str, int] = group(number_bound, text_bound).dispatch().result()  # error: mypy,pyright
    number_bound.dispatch(ttl=[])  # error: mypy,pyright
    number_bound.dispatch("name")  # error: mypy,pyright
    chain(1, double)  # error: mypy,pyright
