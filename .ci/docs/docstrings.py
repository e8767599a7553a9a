"""Docstrings and signatures of this library, prepared for pdoc."""

import functools
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from typing import Any

import pdoc.doc
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup
from pdoc.render_helpers import linkify, markdown_extensions, relative_link

_SECTIONS = "Args|Attributes|Example|Raises|References|Returns|See Also|Warns|Yields"
markdown_extensions["header-ids"]["mixed"] = False  # section names recur on a page


def prepare(doc: pdoc.doc.Doc, public: Mapping[str, str]) -> None:
    """Prepare the docstrings, signatures and members of `doc` and its members for display.

    Fields of classes are left out, because docstrings and signatures of the classes show them.

    Args:
        doc: A module, a class, a function or a variable.
        public: Names that users import, by the full names under which classes are defined.
    """
    short = functools.partial(compact, public=public)
    is_of_tuple = doc.docstring.startswith(("Alias for field number", "Create new instance of"))
    doc.docstring = "" if is_of_tuple else markdown(doc.docstring)
    if isinstance(doc, pdoc.doc.Function):
        doc.signature = _compact_signature(doc.signature, short)
    if isinstance(doc, pdoc.doc.Variable):
        doc.annotation_str = short(doc.annotation_str)
    if isinstance(doc, pdoc.doc.Class):
        bases = [(module, name, short(text)) for module, name, text in doc.bases]
        doc.bases = [base for base in bases if not base[-1].startswith("_")]
    if isinstance(doc, pdoc.doc.Namespace):
        for member in doc.members.values():
            if not isinstance(member, pdoc.doc.Module):
                prepare(member, public)
    if isinstance(doc, pdoc.doc.Class):
        doc.own_members = [member for member in doc.members.values() if _is_shown(member)]
        doc.members = {member.name: member for member in doc.own_members}


def _is_shown(member: pdoc.doc.Doc) -> bool:
    is_field = isinstance(member, pdoc.doc.Variable) and not member.docstring
    return member.taken_from[0].startswith("jtfs_jax.") and not is_field


def markdown(docstring: str) -> str:
    """Convert a Google-style docstring to Markdown that keeps asterisks literal."""
    start, *sections = re.split(rf"^({_SECTIONS}):\n", docstring, flags=re.MULTILINE)
    parts = [_prose(start)]
    for name, text in zip(sections[::2], sections[1::2], strict=True):
        parts += [f"<h6>{name}</h6>", _section(name, textwrap.dedent(text).strip())]
    return "\n\n".join(parts)


def _section(name: str, text: str) -> str:
    if name in ("Example", "Returns", "Yields"):
        return _prose(text)
    if name == "References":
        items = [_escaped(item) for item in re.split(r"(?<=\.)\n", text)]
    else:
        bold = name in ("Args", "Attributes")
        items = [_named_item(item, bold=bold) for item in re.split(r"\n(?=\S)", text)]
    return "\n".join("- " + textwrap.indent(item, "  ").lstrip() for item in items)


def _named_item(item: str, *, bold: bool) -> str:
    names, colon, meaning = inspect.cleandoc(item).partition(":")
    if not colon:
        return _escaped(names)
    shown = f"**{_escaped(names)}**" if bold else re.sub(r"[\w.]+", r"`\g<0>`", names)
    return f"{shown}: {_escaped(meaning.strip())}"


def _prose(text: str) -> str:
    paragraphs = re.split(r"\n{2,}", text.strip("\n"))
    is_code = re.compile(r"    |>>> ").match
    return "\n\n".join(each if is_code(each) else _escaped(each) for each in paragraphs)


def _escaped(text: str) -> str:
    """Escape text so that only backticks and lists are Markdown: 2**J and j(n1)<j(n2) stay."""
    parts = re.split(r"(`[^`]*`)", text)
    parts[::2] = [part.replace("*", r"\*").replace("<", "&lt;") for part in parts[::2]]
    return re.sub(r"arXiv:(\d+\.\d+)", r"[\g<0>](https://arxiv.org/abs/\1)", "".join(parts))


def compact(text: str, public: Mapping[str, str]) -> str:
    """Shorten an annotation or a default value: drop modules that users do not import."""

    def imported(match: re.Match[str]) -> str:
        return public.get(match[0], match[1])

    text = re.sub(r"<(?:class|function) '?([\w.]+)'?(?: at \w+)?>", r"\1", text.replace("~", ""))
    text = re.sub(r"\bjtfs_jax\.(?:\w+\.)?_[\w.]*\.(\w+)", imported, text)
    text = re.sub(r"\.(?:_|core\.)[\w.]*\.(?=\w)", ".", text)
    return re.sub(r"\b(?:jaxtyping|(?:jax\.)?jaxlib|typing|jax\.numpy)\.(?=\w)", "", text)


class _Text:
    """An annotation or a default value that prints as given."""

    def __init__(self, text: str) -> None:
        self._text = text

    def __repr__(self) -> str:
        return self._text


def _compact_signature(
    signature: inspect.Signature, short: Callable[[str], str]
) -> inspect.Signature:
    def shown(value: Any, text: Callable[[Any], str] = inspect.formatannotation) -> Any:
        return value if value is inspect.Parameter.empty else _Text(short(text(value)))

    parameters = [
        each.replace(annotation=shown(each.annotation), default=shown(each.default, repr))
        for each in signature.parameters.values()
    ]
    result = shown(signature.return_annotation)
    return signature.replace(parameters=parameters, return_annotation=result)


def link_names(html: str, here: str, modules: dict[str, pdoc.doc.Module]) -> str:
    """Link names in backticks, such as `filterbank` and `losses.distance`, to their pages.

    Args:
        html: A page, or part of it.
        here: Position of the page, as a module: "notebooks.a" for notebooks/a.html.
        modules: All modules with pages.
    """

    def link(match: re.Match[str]) -> str:
        target = "jtfs_jax." + match[0].removeprefix("jtfs_jax.")
        module, _, name = target.rpartition(".")
        if target in modules:
            module, name = target, ""
        elif module not in modules or name not in modules[module].members:
            return match[0]
        anchor = name and f"#{name}"
        return f'<a href="{relative_link(here, module)}{anchor}">{match[0]}</a>'

    return re.sub(r"(?<=<code>)[A-Za-z_][\w.]*(?=</code>(?!</a>))", link, html)


@pass_context
def linkify_all(context: Context, text: str, *arguments: Any, **options: Any) -> Markup:
    """Add the links of pdoc and of `link_names`."""
    html = linkify(context, text, *arguments, **options)
    return Markup(link_names(html, context["module"].modulename, context["all_modules"]))
