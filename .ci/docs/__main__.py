"""Build the site: API pages, guides, executed notebooks, and the README, which links to them.

    python .ci/docs site         in a checkout, after pip install '.[docs]'

The pages need no network. The folder is written whole or not at all. It replaces a site that this
program wrote before; any other folder needs `--overwrite`. Nothing is written if pdoc warns, if a
public name has no docstring, or if a link within the site is dead.
"""

import argparse
import pkgutil
import re
import shutil
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pdoc.doc
import pdoc.render
import pygments
from markupsafe import Markup
from nbconvert import HTMLExporter
from pdoc.render_helpers import to_html
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

import jtfs_jax
from docstrings import link_names, linkify_all, prepare
from jtfs_jax._files import replacing_folder
from links import dead_links

_ROOT = Path(__file__).resolve().parents[2]
_MARK = ".jtfs_jax-site"  # a file that marks the folder as a site
_LINK = re.compile(r'(?<=href="|.src=")(?!\w+:|#)([^"#]+)')


@dataclass(frozen=True)
class Page:
    """Path, title and first sentence of a guide or a notebook."""

    path: Path
    title: str
    sentence: str

    @classmethod
    def read(cls, source: Path) -> "Page":
        """Read the title and the first sentence from a file."""
        if source.suffix == ".ipynb":
            first = nbformat.read(source, as_version=4).cells[0].source
        else:
            first = source.read_text(encoding="utf-8")
        title, _, text = first.removeprefix("# ").partition("\n")
        sentence = re.match(r".+?[.?!](?=\s|$)", text.strip(), re.DOTALL)
        if sentence is None:
            raise ValueError(f"{source}: the file must begin with a title and a sentence.")
        return cls(source.relative_to(_ROOT).with_suffix(".html"), title, sentence[0])


def public_modules() -> dict[str, pdoc.doc.Module]:
    """Return the package and its public modules, even if the package does not import them."""
    found = [module.name for module in pkgutil.iter_modules(jtfs_jax.__path__)]
    public = [f"jtfs_jax.{name}" for name in found if not name.startswith("_")]
    return {name: pdoc.doc.Module.from_name(name) for name in ("jtfs_jax", *public)}


def without_docstring(modules: dict[str, pdoc.doc.Module]) -> list[str]:
    """List public names without a docstring; the docstring of a module may describe constants."""
    return [
        f"{member.fullname} has no docstring"
        for module in modules.values()
        for member in (module, *module.flattened_own_members)
        if not member.name.startswith("_") and not member.docstring
        if not (member.kind == "variable" and member.name in module.docstring)
    ]


def write_api(folder: Path, modules: dict[str, pdoc.doc.Module]) -> None:
    """Write a page for each module, and the search index."""
    for name, module in modules.items():
        path = folder / f"{name.replace('.', '/')}.html"
        path.parent.mkdir(exist_ok=True)
        path.write_text(pdoc.render.html_module(module, modules), encoding="utf-8")
    (folder / "search.js").write_text(pdoc.render.search_index(modules), encoding="utf-8")


def content(source: Path) -> str:
    """Return a Markdown file, a notebook or a program as HTML."""
    if source.suffix == ".ipynb":
        notebook = nbformat.read(source, as_version=4)
        notebook.metadata.language_info["pygments_lexer"] = "python"
        exporter = HTMLExporter(
            template_name="basic",
            exclude_anchor_links=True,
            exclude_input_prompt=True,
            exclude_output_prompt=True,
        )
        html, _ = exporter.from_notebook_node(notebook)
        return html.replace('<div class="highlight', '<div class="pdoc-code')  # pdoc's colors
    text = source.read_text(encoding="utf-8")
    if source.suffix == ".py":
        return pygments.highlight(text, PythonLexer(), HtmlFormatter(cssclass="pdoc-code"))
    html = to_html(text)
    if source != _ROOT / "README.md":
        return html
    start, heading, rest = html.partition("<h2")
    contents = pdoc.render.env.get_template("contents.html.jinja2").render()
    return start + contents + heading + rest


def write_pages(folder: Path, modules: dict[str, pdoc.doc.Module]) -> None:
    """Write the README and all files of the checkout that it links to, directly or indirectly."""
    page = pdoc.render.env.get_template("page.html.jinja2")
    waiting, seen = [_ROOT / "README.md"], set()
    while waiting:
        source = waiting.pop()
        if source in seen:
            continue
        seen.add(source)
        path = source.relative_to(_ROOT)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        if source.suffix not in (".md", ".ipynb", ".py"):
            shutil.copyfile(source, folder / path)
            continue

        def linked(match: re.Match[str], source: Path = source) -> str:
            target = (source.parent / match[0]).resolve()
            link = match[0]
            if target.is_dir():
                target, link = target / "__init__.py", f"{link}/__init__.py"
            if not target.is_file() or not target.is_relative_to(_ROOT):
                return match[0]  # a dead link, which the check reports
            waiting.append(target)
            return re.sub(r"\.(ipynb|md|py)$", ".html", link)

        path = Path("index.html") if path == Path("README.md") else path.with_suffix(".html")
        base = "../" * (len(path.parts) - 1)
        here = ".".join(path.with_suffix("").parts)
        html = link_names(_LINK.sub(linked, content(source)), here, modules)
        html = page.render(title=path.stem, base=base, content=html)
        (folder / path).write_text(html, encoding="utf-8")


def build(folder: Path) -> list[str]:
    """Write the site to a new folder, and return a list of its faults."""
    folder.mkdir(parents=True)
    (folder / _MARK).touch()
    templates, environment = Path(__file__).parent / "templates", pdoc.render.env
    pdoc.render.configure(docformat="markdown", template_directory=templates)
    environment.filters["linkify"] = linkify_all
    environment.filters["inline"] = lambda text: Markup(to_html(text)[len("<p>") : -len("</p>\n")])
    modules = public_modules()
    environment.globals.update(
        all_modules=modules,
        guides=[Page.read(path) for path in sorted(_ROOT.glob("notebooks/guides/*.md"))],
        notebooks=[Page.read(path) for path in sorted(_ROOT.glob("notebooks/*.ipynb"))],
        dark_code=Markup(HtmlFormatter(style="github-dark").get_style_defs(".pdoc-code")),
    )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)  # the category of pdoc's warnings
        problems = without_docstring(modules)
        members = [each for module in modules.values() for each in module.members.values()]
        public = {".".join(each.taken_from): each.fullname for each in members}
        for module in modules.values():
            prepare(module, public)
        write_api(folder, modules)
    write_pages(folder, modules)
    problems += [str(each.message) for each in caught if each.category is UserWarning]
    return problems + [f"dead link: {link}" for link in dead_links(folder)]


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python .ci/docs", description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder to write the site to")
    parser.add_argument("--overwrite", action="store_true", help="replace any folder")
    options = parser.parse_args()
    is_site = (options.folder / _MARK).is_file()
    may_be_replaced = is_site or (options.overwrite and options.folder.is_dir())
    if options.folder.exists() and not may_be_replaced:
        parser.error(f"{options.folder} is not a site; give --overwrite to replace this folder")
    with replacing_folder(options.folder, overwrite=True) as partial:
        if problems := build(partial):
            sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
