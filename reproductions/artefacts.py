"""Every table and figure of the appendix, in its order, and the study of this project."""

import figure1
import figure2
import figure3
import instruments
import lipschitz
import samples
import study
import stylegan
import table1
import table2
import table3
import table4
import table5

from gnref.evidence import Artefact

ARTEFACTS: tuple[Artefact, ...] = tuple(
    each.ARTEFACT
    for each in (
        figure1,
        figure2,
        figure3,
        table1,
        table2,
        table3,
        table4,
        table5,
        stylegan,
        samples,
        instruments,
        lipschitz,
        study,
    )
)
