"""The site: `tox -e docs` builds it into docs/_build/html, where it opens without a network."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

import gnref

project = "gnref"
author = "the gnref maintainers"
project_copyright = "the gnref maintainers, MIT licence"
version = release = gnref.__version__
description = "Gradient normalization for GANs: the method, its claims checked, its experiments and their verdicts."

extensions = [
    "check_links",
    "cross_references",
    "generated_pages",
    "mathml",
    "page_description",
    "plain_docstrings",
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "sphinx_gallery.gen_gallery",
]
# One backtick is code, in docstrings and in the gallery alike.
default_role = "code"
# Output without a language is no Python.
highlight_language = "none"
exclude_patterns = ["_build", "_extra", "gallery", "README.md"]
templates_path: list[str] = []

html_theme = "furo"
# The theme's own dark style underlines names as if they were links.
pygments_dark_style = "github-dark"
html_title = "gnref"
html_static_path = ["_static"]
# 404.html, as hosts of static pages look for it.
html_extra_path = ["_extra"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
html_theme_options = {"navigation_with_keys": True}
html_math_renderer = "mathml"

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
napoleon_google_docstring = True
napoleon_numpy_docstring = False

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "examples",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "show_memory": False,
    "write_computation_times": False,
    "min_reported_time": 1e9,
    "remove_config_comments": True,
    "image_scrapers": ("matplotlib",),
    "reset_modules": ("gallery_style.use_house_style",),
    "abort_on_example_error": True,
}

copybutton_prompt_text = r"\$ |>>> |\.\.\. "
copybutton_prompt_is_regexp = True
