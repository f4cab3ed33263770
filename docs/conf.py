"""Sphinx configuration of the site. `make site` lays out its pages in a folder of their own and calls Sphinx there."""

import re
from importlib.metadata import version as installed

from latex2mathml.converter import convert

project = "fabric"
author = "The fabric authors"
copyright = author
version = release = installed("sparse-fabric")

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
templates_path: list[str] = []
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme = "pydata_sphinx_theme"
html_title = "fabric"
html_copy_source = False
html_show_sphinx = False
html_show_search_summary = False  # pages opened as files may not read each other
html_theme_options = {
    "logo": {"text": "fabric"},
    "navbar_align": "left",
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "navigation_with_keys": False,
}
html_sidebars = {"index": [], "statements": [], "gallery": [], "explorer": []}

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # a field stands once, under its class

nb_execution_mode = "off"  # the notebooks have been executed by papermill
nb_ipywidgets_js: dict[str, dict[str, str]] = {}  # widgets need a kernel, and their scripts lie elsewhere
nb_merge_streams = True
nb_output_stderr = "remove"
myst_enable_extensions = ["dollarmath", "colon_fence"]
myst_heading_anchors = 3
suppress_warnings = [
    "mystnb.unknown_mime_type",  # widgets need a running kernel
    "ref.python",  # fields of one name in several classes
]


def _inline(self, node):
    self.body.append(convert(node.astext()))


def _display(self, node):
    self.body.append(convert(node.astext(), display="block"))


def _depart(self, node):
    pass


def _plain_words(_app, _what, _name, _object, _options, lines):
    """Docstrings are plain words with `names`: nothing else in them is markup."""
    for number, line in enumerate(lines):
        told = [
            f"``{part[1:-1]}``" if part.startswith("`") else re.sub(r"([|*]|(?<=\w)_(?!\w))", r"\\\1", part)
            for part in re.findall(r"`[^`]+`|[^`]+|`", line.replace("``", "`"))
        ]
        lines[number] = "".join(told)


def setup(app):
    """Formulas become MathML, which browsers draw by themselves: no script from elsewhere."""
    app.connect("autodoc-process-docstring", _plain_words, priority=400)
    app.add_html_math_renderer("mathml", (_inline, _depart), (_display, _depart))


html_math_renderer = "mathml"
