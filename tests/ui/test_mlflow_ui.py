"""The pages of the MLflow UI, in a browser: what a person who opens them is to find there."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest
from real_runs import Place
from ui_pages import WORKFLOW, Pages, Shown

pytestmark = pytest.mark.heavy  # a whole sweep, and a browser

EPOCH_METRICS = {"loss", "accuracy", "val_loss", "val_accuracy"}
STEP_METRICS = {"learning_rate", "batch_loss"}
CARD = "[data-testid='experiment-view-compare-runs-card']"
NOTE = "[data-testid='note-editor-preview-content']"
EXPAND = "button[data-component-id*='runnamecellrenderer']"

# The lines that plotly drew, by the title of their card: the points of each run's. It draws every
# line twice, the second time for the mouse.
LINES = f"""
return Object.fromEntries([...document.querySelectorAll("{CARD}")].map(card => {{
    const title = card.innerText.trim().split("\\n")[0];
    const plot = card.querySelector(".js-plotly-plot");
    const traces = plot && plot.data ? plot.data.filter(trace => trace.type === "scatter") : [];
    const drawn = [...card.querySelectorAll("path.js-line")].filter(p => p.getAttribute("d"));
    const shown = traces.length && drawn.length === traces.length ? traces : [];
    return [title, Object.fromEntries(shown.map(trace => [trace.name, trace.x.length]))];
}}));
"""

# Pixels with ink on the canvas of the chart of parallel coordinates.
INK = """
const canvas = document.querySelector(".parcoords canvas.foreground");
if (!canvas || !canvas.width) return 0;
const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
let ink = 0;
for (let i = 3; i < data.length; i += 4) ink += data[i] > 0;
return ink;
"""

# Widths of the images that have been loaded.
WIDTHS = "return [...document.images].map(i => i.src.startsWith('blob:') ? i.naturalWidth : 0);"


def lines(pages: Pages) -> dict[str, dict[str, int]]:
    """The points of each run's line, by the title of the chart."""
    found: dict[str, dict[str, int]] = pages.driver.execute_script(LINES)
    return found


def lines_of(pages: Pages, runs: set[str]) -> dict[str, dict[str, int]]:
    """The same once every metric's chart has a line for each of these runs and no other."""
    found = lines(pages)
    whole = all(set(found.get(key, {})) == runs for key in EPOCH_METRICS | STEP_METRICS)
    return found if whole else {}


def names(shown: Shown) -> set[str]:
    """The names of the children."""
    return {run.info.run_name for run in shown.children}


def test_the_list_of_runs_has_the_sweep_with_its_children_below(pages: Pages, shown: Shown) -> None:
    """One row; opened, it shows the trials and the baseline, with their data set and source."""
    pages.open(f"#/experiments/{shown.experiment}/runs?{WORKFLOW}")
    links = "a[href*='/runs/']"
    pages.wait_for(lambda: "tiny" in pages.texts(links), "the row of the sweep")
    assert names(shown).isdisjoint(pages.texts(links))
    pages.click(EXPAND)
    pages.wait_for(lambda: names(shown) <= set(pages.texts(links)), "the rows of the children")
    cells = " ".join(pages.texts("[role=row]"))
    assert "fashion_mnist_slice.npz" in cells
    assert "clr-sweep" in cells


def test_the_page_of_the_sweep_shows_the_result_on_top(pages: Pages, shown: Shown) -> None:
    """The description: the best value at once, and behind `Show more` the tables."""
    pages.open(shown.page(shown.parent))
    result = "reached validation accuracy"
    pages.wait_for(lambda: any(result in t for t in pages.texts(NOTE)), "the result")
    pages.click("button", "Show more")
    best = shown.parent.data.metrics["best_val_accuracy"]
    tables = pages.wait_for(
        lambda: [table.text for table in pages.all(f"{NOTE} table") if table.text], "the tables"
    )
    assert "baseline" in tables[0]
    assert f"validation accuracy {best:.4f}" in " ".join(tables[0].split())
    trials = " ".join(tables[1].split())
    assert "init_lr max_lr factor policy" in trials
    assert f"{shown.best.data.tags['clr_sweep.trial_number']} {best:.4f}" in trials
    body = pages.driver.find_element("tag name", "body").text
    for wanted in ("best_val_accuracy", "best.max_lr", "study.sampler", *names(shown)):
        assert wanted in body


def test_the_links_in_the_description_lead_to_all_trials(
    pages: Pages, shown: Shown, view: str
) -> None:
    """Links within the UI, which no sanitizer took away, in the part that is seen unopened."""
    pages.open(shown.page(shown.parent))
    pages.wait_for(lambda: pages.texts(f"{NOTE} a"), "the links")
    links = {a.text: a.get_attribute("href") for a in pages.all(f"{NOTE} a")}
    assert list(links) == ["charts", "table", "report", "figures", "best.yaml"]
    assert links["charts"] == f"{pages.url}/{view}"
    # Unopened, they stand above the button that shows the rest.
    (more,) = (button for button in pages.all("button") if button.text == "Show more")
    for link in pages.all(f"{NOTE} a"):
        assert link.is_displayed()
        assert link.rect["y"] + link.rect["height"] <= more.rect["y"], f"{link.text} is cut off"
    pages.open(links["best.yaml"].removeprefix(f"{pages.url}/"))
    maximum = shown.parent.data.params["best.max_lr"]
    pages.wait_for(lambda: maximum in "".join(pages.texts("pre, code")), "best.yaml")
    pages.open(links["table"].removeprefix(f"{pages.url}/"))
    pages.wait_for(lambda: names(shown) <= set(pages.texts("a[href*='/runs/']")), "all trials")


def test_the_charts_of_a_trial_are_lines(pages: Pages, shown: Shown) -> None:
    """Two epochs of each metric; the rate and the batch loss at many steps."""
    pages.open(shown.page(shown.best, "/model-metrics"))
    drawn = pages.wait_for(lambda: lines_of(pages, {shown.best.info.run_name}), "the lines")
    for key in EPOCH_METRICS:
        assert set(drawn[key].values()) == {2}
    for key in STEP_METRICS:
        assert min(drawn[key].values()) > 20
    # What tells no trial from another stands in a tab of its own.
    titles = {title for text in pages.texts(CARD) for title in text.split("\n")[:1]}
    assert not [title for title in titles if "cycle" in title or "deviation" in title]


def test_the_best_value_is_a_line(pages: Pages, shown: Shown) -> None:
    """On the sweep's own page: a point a trial."""
    pages.open(shown.page(shown.parent, "/model-metrics"))
    name = "best_val_accuracy"
    drawn = pages.wait_for(lambda: lines(pages).get(name), "the line of the best value")
    assert drawn == {"tiny": len(shown.children) - 1}


def test_the_links_that_are_printed_come_first(pages: Pages, shown: Shown) -> None:
    """Of the sweep and of its trials, before whatever MLflow says; both lead there."""
    first, parent, trials, everything, *_ = shown.output.splitlines()
    assert first == "tiny:"
    assert (parent.split()[:2], trials.split()[:2]) == (["the", "sweep:"], ["all", "trials:"])
    assert everything.startswith("everything:")
    for line, wanted in ((parent, "tiny"), (trials, "baseline"), (everything, "tiny")):
        pages.open(line.split()[-1].removeprefix(f"{pages.url}/"))
        pages.wait_for(
            lambda wanted=wanted: wanted in " ".join(pages.texts("h2, h3, a, [role=row]")), line
        )
        assert "workflowType=machine_learning" in pages.driver.current_url


def test_the_page_of_a_trial_names_its_model_and_data(pages: Pages, shown: Shown) -> None:
    """And its parent, its parameters and the schedule in words."""
    pages.open(shown.page(shown.best))
    pages.wait_for(lambda: any("Schedule:" in t for t in pages.texts(NOTE)), "the schedule")
    pages.wait_for(lambda: pages.all("a[href*='/models/m-']"), "the logged model")
    link = f"a[href*='{shown.parent.info.run_id}']"
    pages.wait_for(lambda: "tiny" in pages.texts(link), "the parent")
    for wanted in ("fashion_mnist_slice.npz", "step_size_factor", "test_accuracy"):
        pages.wait_for(lambda wanted=wanted: wanted in pages.texts("body")[0], wanted)


@pytest.mark.parametrize("of", ["parent", "best"])
def test_every_figure_is_shown(pages: Pages, shown: Shown, of: str, finished: Place) -> None:
    """Each PNG below `figures` comes up as an image wide enough to be read."""
    run = getattr(shown, of)
    figures = [item.path for item in finished.client.list_artifacts(run.info.run_id, "figures")]
    assert len(figures) >= 2
    for path in figures:
        pages.open(shown.page(run, f"/artifacts/{path}"))
        widths = pages.wait_for(
            lambda: [width for width in pages.driver.execute_script(WIDTHS) if width], path
        )
        assert min(widths) >= 900


def test_the_best_configuration_can_be_read(pages: Pages, shown: Shown) -> None:
    """The artifact best.yaml is previewed as text."""
    pages.open(shown.page(shown.parent, "/artifacts/best.yaml"))
    maximum = shown.parent.data.params["best.max_lr"]
    pages.wait_for(
        lambda: maximum in "".join(pages.texts("pre, code")), f"best.yaml with max_lr {maximum}"
    )


def test_the_models_tab_lists_every_model(pages: Pages, shown: Shown) -> None:
    """In this experiment, ready, each with the run that it comes from."""
    pages.open(f"#/experiments/{shown.experiment}/models?{WORKFLOW}")
    pages.wait_for(
        lambda: names(shown) <= set(pages.texts("a[href*='/runs/']")), "the models' runs"
    )
    assert sum(text == "Ready" for text in pages.texts("[role=row] *")) >= len(shown.children)
    links = pages.texts("a[href*='/models/m-']")
    assert {f"tiny-{name}" for name in names(shown)} <= set(links)


def test_comparing_all_children_shows_parallel_coordinates_of_the_objective(
    pages: Pages, shown: Shown
) -> None:
    """What "Compare" opens: axes of the rates and, without a choice of ours, the objective."""
    ids = json.dumps([run.info.run_id for run in shown.children])
    experiments = json.dumps([shown.experiment])
    pages.open(f"#/compare-runs?runs={quote(ids)}&experiments={quote(experiments)}&{WORKFLOW}")
    axes = pages.wait_for(
        lambda: [text for text in pages.texts(".parcoords .axis-title") if text], "the axes"
    )
    assert len([axis for axis in axes if axis.endswith("_lr")]) >= 2, axes
    assert axes[-1] == "val_accuracy"
    assert "Comparing 3 Runs" in pages.driver.find_element("tag name", "body").text
    pages.wait_for(
        lambda: names(shown) <= set(" ".join(pages.texts("table")).split()), "the runs compared"
    )


def test_the_saved_view_draws_all_trials_at_once(pages: Pages, shown: Shown, view: str) -> None:
    """Parallel coordinates first, then a line for every child; the parent is not among them."""
    pages.open(view)
    links = "a[href*='/runs/']"
    pages.wait_for(lambda: names(shown) <= set(pages.texts(links)), "the rows of the children")
    assert "tiny" not in pages.texts(f"[role=row] {links}")
    pages.wait_for(lambda: pages.driver.execute_script(INK) > 100, "the parallel coordinates")
    assert pages.texts(CARD)[0].startswith("Parallel Coordinates")
    pages.wait_for(lambda: lines_of(pages, names(shown)), "a line for every child")
    assert pages.texts(CARD)[1].startswith("val_accuracy")
