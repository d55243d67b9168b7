"""The tables and figures: numbers measured on data, reproduced by scripts and not by laws."""

from gnref.claims.claim import Claim


def _measured(id: str, source: str, statement: str, script: str) -> Claim:
    return Claim(
        id,
        source,
        statement,
        "The published numbers, with their spread.",
        "the paper's data, networks and schedule",
        "empirical",
        f"A measured number: see reproductions/{script}.",
    )


CLAIMS = (
    _measured("table-1", "Table 1", "Iterations a second of Vanilla, SN, 1-GP and GN on an RTX 2080 Ti.", "table1.py"),
    _measured("table-2", "Table 2", "Hinge, NS and NS without sigmoid score alike with GN on CIFAR-10.", "table2.py"),
    _measured(
        "table-4",
        "Table 4",
        "In FID GN-BigGAN beats BigGAN-CR, and with CR it is best; in IS GN-BigGAN ties BigGAN, 9.22.",
        "table4.py",
    ),
    _measured("table-5", "Table 5", "GN-GAN beats SN-GAN on CelebA-HQ and LSUN church.", "table5.py"),
    _measured(
        "figure-1", "Figure 1", "ReLU scores best of the activations; Softplus with β = 20 is close.", "figure1.py"
    ),
    _measured("figure-2", "Figure 2", "GN beats GN_1 and GN_0; GN_0 varies most.", "figure2.py"),
    _measured(
        "figure-2-stl-10", "B.1, last sentence", "GN outperforms GN_1 and GN_0 on STL-10 as on CIFAR-10.", "figure2.py"
    ),
    _measured(
        "more-computation",
        "B.3",
        "Even with more computation, the other approaches cannot reach the scores of GN.",
        "table1.py, which times steps; no equal-time comparison is published",
    ),
    _measured(
        "table-3", "Table 3", "CR augments by a horizontal flip and a shift by up to 1/5 of the image.", "table3.py"
    ),
    _measured("figure-3", "Figure 3", "GN's value surface is smooth where the vanilla GAN's has cliffs.", "figure3.py"),
    _measured("stylegan", "Appendix D", "GN-StyleGAN reaches an FID of 8.65 on CelebA-HQ 1024.", "stylegan.py"),
)
