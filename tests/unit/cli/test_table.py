from taskora.cli.table import Column, fit, render, width_of


def test_columns_are_aligned_and_numbers_stand_to_the_right() -> None:
    lines = render([Column("name"), Column("count", "right")], [["a", 7], ["longer", 1234]])
    assert lines == ["NAME    COUNT", "a           7", "longer   1234"]


def test_a_table_is_no_wider_than_the_terminal() -> None:
    columns = [Column("id"), Column("text", shrinks=True), Column("more", shrinks=True)]
    lines = render(columns, [["0123456789", "x" * 60, "y" * 30]], width=50)
    assert [width_of(line) for line in lines[1:]] == [50]
    assert lines[1].startswith("0123456789  xxx")
    assert lines[1].count("…") == 2


def test_what_may_not_shrink_is_shown_whole_although_the_terminal_is_too_narrow() -> None:
    assert render([Column("id")], [["0123456789"]], width=5)[1] == "0123456789"


def test_nothing_is_shown_as_a_dash_and_a_row_stays_one_line() -> None:
    lines = render([Column("a"), Column("b")], [[None, "two\nlines\x1b[31m"], ["", 0]])
    assert lines[1:] == ["-  two lines [31m", "-  0"]


def test_wide_characters_count_twice() -> None:
    assert width_of("日本") == 4
    assert fit("日本語", 5) == "日本…"
    assert width_of(fit("日本語です", 6)) <= 6


def test_a_painter_gets_the_text_and_pads_stay_outside_of_the_measure() -> None:
    def paint(text: str, padded: str) -> str:
        return f"<{padded}>" if text == "a" else padded

    lines = render([Column("x", paint=paint), Column("y")], [["a", 1], ["bbb", 2]])
    assert lines[1:] == ["<a  >  1", "bbb  2"]
