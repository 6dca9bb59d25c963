"""A matplotlib figure as SVG that may stand in a page: no style in it, no address, the colours of the page's palette.

Matplotlib writes its colours into `style` attributes, which the page's content security policy forbids. Here they
become attributes, and those of our palette also classes, by which the page's style sheet recolours them.
"""

import io
import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from .escape import visible

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Name in the style sheet to what matplotlib is told; readable on white, told apart by the colour-blind.
PALETTE = {
    "ink": "#1d2126",
    "soft": "#5a626c",
    "line": "#dcdcd6",
    "sheet": "#ffffff",
    "blue": "#0060a0",
    "orange": "#b34700",
    "green": "#00704f",
    "purple": "#8e3b76",
}
_NAMES = {colour: name for name, colour in PALETTE.items()}
SETTINGS = {
    "svg.fonttype": "none",  # text stays text: it can be found, read aloud and copied
    "svg.hashsalt": "venire",  # the same figure gives the same bytes
    "text.parse_math": False,  # a dollar in a name is a dollar
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": PALETTE["ink"],
    "axes.edgecolor": PALETTE["line"],
    "axes.labelcolor": PALETTE["soft"],
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": PALETTE["line"],
    "xtick.color": PALETTE["soft"],
    "ytick.color": PALETTE["soft"],
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
}


def to_svg(figure: "Figure", identity: str, title: str, words: str) -> str:
    """The figure's SVG element: `title` names it and `words` say what it shows to who cannot see it."""
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    root = ElementTree.fromstring(drawn.getvalue())
    for element in root.iter():
        element.tag = element.tag.rpartition("}")[2]
        for name in list(element.attrib):
            if "}" in name:
                element.set(name.rpartition("}")[2], element.attrib.pop(name))
    _drop(root, {"metadata", "style"})
    wanted = _referenced(root)
    for element in root.iter():
        _restyle(element)
        _rename(element, identity, wanted)
    box = root.get("viewBox", "")
    width, height = box.split()[2:] if box else ("", "")
    root.attrib.clear()
    root.attrib |= {
        "role": "img",
        "aria-labelledby": f"{identity}-title {identity}-words",
        "viewBox": box,
        "width": f"{float(width) * 4 / 3:.0f}",  # points to pixels
        "height": f"{float(height) * 4 / 3:.0f}",
        "stroke-linejoin": "round",
    }
    inner = ElementTree.Element("g", {"aria-hidden": "true"})
    inner.extend(_flat(root))
    for child in list(root):
        root.remove(child)
    for tag, text in (("title", title), ("desc", words)):
        said = ElementTree.SubElement(root, tag, {"id": f"{identity}-{'title' if tag == 'title' else 'words'}"})
        said.text = visible(text)
    root.append(inner)
    return ElementTree.tostring(root, encoding="unicode")


def _drop(root: ElementTree.Element, tags: set[str]) -> None:
    for parent in root.iter():
        for child in list(parent):
            if child.tag in tags:
                parent.remove(child)


def _referenced(root: ElementTree.Element) -> set[str]:
    """Ids that something in the figure points to."""
    values = [value for element in root.iter() for value in element.attrib.values()]
    return {name for value in values for name in re.findall(r"(?:^|url\()#([^)]+)", value)}


def _rename(element: ElementTree.Element, identity: str, wanted: set[str]) -> None:
    """Ids of several figures on one page must differ; those that nothing points to go."""
    if (name := element.get("id")) is not None:
        if name in wanted:
            element.set("id", f"{identity}-{name}")
        else:
            del element.attrib["id"]
    if element.get("href", "").startswith("#"):
        element.set("href", f"#{identity}-{element.get('href', '')[1:]}")
    for key, value in element.attrib.items():
        element.set(key, value.replace("url(#", f"url(#{identity}-"))


def _flat(element: ElementTree.Element) -> list[ElementTree.Element]:
    """What is drawn inside, without the groups that only group, and without the spaces between."""
    found = []
    for child in element:
        children = _flat(child)
        child.tail = None
        if child.tag in ("g", "defs") and not child.attrib.keys() - {"class"}:
            found += [child] if child.tag == "defs" and children else children
        else:
            found.append(child)
        if child.tag != "text":
            child.text = None
            for grandchild in list(child):
                child.remove(grandchild)
            child.extend(children)
    return found


def _restyle(element: ElementTree.Element) -> None:
    """`style="fill: #0060a0"` becomes `class="f-blue"`; numbers keep two decimals."""
    classes = []
    for declaration in element.attrib.pop("style", "").split(";"):
        name, _, value = (part.strip() for part in declaration.partition(":"))
        if name == "font":
            size = re.search(r"([\d.]+)px", value)
            element.set("font-size", size[1] if size else "10")
            if "bold" in value or "700" in value.split()[:1]:
                element.set("font-weight", "650")
        elif name in ("fill", "stroke") and value in _NAMES:
            classes.append(f"{name[0]}-{_NAMES[value]}")
        elif name == "font-size":
            element.set(name, value.removesuffix("px"))
        elif name and name not in ("font-family", "stroke-linecap"):
            element.set(name, value)
    if element.tag == "text" and not any(c.startswith("f-") for c in classes):
        classes.append("f-ink")
    if classes:
        element.set("class", " ".join(classes))
    if element.get("transform", "").startswith("rotate(-0 "):
        del element.attrib["transform"]
    for name in ("d", "x", "y", "width", "height", "transform", "stroke-dasharray"):
        if name in element.attrib:
            short = re.sub(r"\d+\.\d+", lambda m: f"{float(m[0]):.2f}".rstrip("0").rstrip("."), element.attrib[name])
            element.set(name, " ".join(short.split()))
