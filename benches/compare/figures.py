"""Medians, spreads, ratios and tables; pure.

>>> spread([3.0, 1.0, 2.0], 1)
'2.0 [1.0-3.0]'
>>> spread([12345.6], 0)
'12,346'
>>> spread([], 0)
''
>>> ratio([{"cpu": 2}, {"cpu": 8}, {"cpu": 1}], [{"cpu": 1}, {"cpu": 2}, {"cpu": 2}], "cpu")
'2.00'
>>> ratio([{"cpu": 2}], [{"cpu": 0}], "cpu")
''
>>> print(table(["a", "b"], [["1", "2"], ["", "4"]]))
| a | b |
| --- | --- |
| 1 | 2 |
|  | 4 |
>>> replace("x <!-- figures: a --> old <!-- end --> y <!-- figures: b --> <!-- end -->", "a", "new")
'x <!-- figures: a -->\\n\\nnew\\n\\n<!-- end --> y <!-- figures: b --> <!-- end -->'
"""
import statistics


def column(figures, key):
    """The values of this figure in the rounds that have it."""
    return [one[key] for one in figures if one.get(key) is not None]


def spread(values, digits):
    """The median, with the minimum and the maximum if there are several values."""
    if not values:
        return ""
    form = f",.{digits}f"
    middle = f"{statistics.median(values):{form}}"
    if len(values) == 1:
        return middle
    return f"{middle} [{min(values):{form}}-{max(values):{form}}]"


def ratio(figures, others, key):
    """The median of the ratios within each round, in which other work of the machine cancels out."""
    pairs = [(one.get(key), two.get(key)) for one, two in zip(figures, others)]
    ratios = [one / two for one, two in pairs if one is not None and two]
    return f"{statistics.median(ratios):.2f}" if ratios else ""


def table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def replace(document, name, text):
    """The document with this text between its two marks."""
    mark, end = f"<!-- figures: {name} -->", "<!-- end -->"
    before, rest = document.split(mark, 1)
    return f"{before}{mark}\n\n{text}\n\n{end}{rest.split(end, 1)[1]}"
