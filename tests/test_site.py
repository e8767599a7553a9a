"""The builder of the site: it finds dead links and preserves docstrings."""

from pathlib import Path

import pytest

links = pytest.importorskip("links", reason="the builder exists only in a checkout, in .ci/docs")


@pytest.fixture
def site(tmp_path):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a b.html").write_text('<h1 id="ψ">ψ</h1><a href="../index.html">up</a>')
    (tmp_path / "picture.png").touch()
    return tmp_path


LIVE = ["folder/a%20b.html", "folder/a%20b.html#ψ", "#here", "picture.png", "https://a.b/c#d", "?q"]
DEAD = ["folder/c.html", "folder/a%20b.html#φ", "#there", "no.png", "folder", "../outside.html"]


@pytest.mark.parametrize("link", LIVE)
def test_live_links(site, link, monkeypatch):
    (site / "index.html").write_text(f'<p id="here"><a href="{link}">link</a><img src="{link}">')
    assert links.dead_links(site) == []
    monkeypatch.chdir(site.parent)
    assert links.dead_links(Path(site.name)) == []


@pytest.mark.parametrize("link", DEAD)
def test_dead_links(site, link):
    (site.parent / "outside.html").touch()
    (site / "index.html").write_text(f'<p id="here"><a href="{link}">link</a>')
    assert links.dead_links(site) == [f"index.html: {link}"]


DOCSTRING = """A sum, of 2**J or 2**j terms with j(n1)<j(n2).

As follows:

    S = Σ x * y * z

Args:
    x: Of shape `*batch time`; else
        it is broadcast.
    *more: Others.

Returns:
    `S (*batch)`.

References:
    A & B, A Title of Two
    Lines, 2019, arXiv:1807.08869.
    C, 2020.

See Also:
    losses.distance, jtfs: the rest.
"""
HTML = """<p>A sum, of 2**J or 2**j terms with j(n1)&lt;j(n2).</p>
<p>As follows:</p>
<pre><code>S = Σ x * y * z
</code></pre>
<h6>Args</h6>
<ul>
<li><strong>x</strong>: Of shape <code>*batch time</code>; else
it is broadcast.</li>
<li><strong>*more</strong>: Others.</li>
</ul>
<h6>Returns</h6>
<p><code>S (*batch)</code>.</p>
<h6>References</h6>
<ul>
<li>A &amp; B, A Title of Two
Lines, 2019, <a href="https://arxiv.org/abs/1807.08869">arXiv:1807.08869</a>.</li>
<li>C, 2020.</li>
</ul>
<h6>See Also</h6>
<ul>
<li><code>losses.distance</code>, <code>jtfs</code>: the rest.</li>
</ul>
"""


def test_docstrings_are_shown_as_they_stand():
    render_helpers = pytest.importorskip("pdoc.render_helpers", reason="needs the extra docs")
    from docstrings import markdown

    assert render_helpers.to_html(markdown(DOCSTRING)).replace("\n\n", "\n") == HTML


@pytest.mark.parametrize(
    ("annotation", "short"),
    [
        ("jaxtyping.Float[jaxlib._jax.Array, '*batch time']", "Float[Array, '*batch time']"),
        ("tuple[jtfs_jax._wavelets.Wavelet, ...]", "tuple[Wavelet, ...]"),
        ("jtfs_jax.losses._damping.Damping | None", "jtfs_jax.losses.Damping | None"),
        ("matplotlib.axes._axes.Axes | None", "matplotlib.axes.Axes | None"),
        ("optax._src.base.GradientTransformation", "optax.GradientTransformation"),
        ("<class 'jax.numpy.float32'>", "float32"),
        ("<function jtfs at 0x7f00>", "jtfs"),
        ("1.5", "1.5"),
    ],
)
def test_annotations_are_compact(annotation, short):
    pytest.importorskip("pdoc", reason="needs the extra docs")
    from docstrings import compact

    public = {"jtfs_jax.losses._damping.Damping": "jtfs_jax.losses.Damping"}
    assert compact(annotation, public) == short
