"""An evaluation as text for a terminal."""

from gnref.evaluation.evaluate import Evaluation


def show(evaluation: Evaluation) -> str:
    """Every score beside that of real images, then what the numbers mean."""
    scores, floor = evaluation["scores"], evaluation["floor"]
    names = [name for name in scores if not name.split(" in ")[0].endswith(" deviation")]
    width = max(len(name) for name in names)
    lines = [f"{'':{width}}  {'images':>20}  {'real images':>20}"]
    for name in names:
        cells = [_number(column, name) for column in (scores, floor)]
        lines.append(f"{name:{width}}  {cells[0]:>20}  {cells[1]:>20}")
    lines += [
        "",
        f"Protocol {evaluation['protocol']}: {evaluation['generated']} images against "
        + (f"{evaluation['real']} real ones" if evaluation["real"] else evaluation["reference_data"])
        + (f", IS over {evaluation['splits']} splits." if evaluation["splits"] else "."),
        f"Real images: {evaluation['floor_sample']}.",
    ]
    if evaluation["features"] != "inception":
        lines.append(f"Scores in {evaluation['features']} compare with scores in the same features only.")
    if evaluation["lossy"]:
        lines.append("There are JPEG files among the images: compression changes FID; compare with no published score.")
    return "\n".join(lines)


def _number(scores: dict[str, float], name: str) -> str:
    if name not in scores:
        return "unknown"
    score, _, space = name.partition(" in ")
    deviation = scores.get(f"{score} deviation in {space}" if space else f"{score} deviation")
    return f"{scores[name]:.4f}" if deviation is None else f"{scores[name]:.4f} ± {deviation:.4f}"
