"""Where the results of notebooks lie: by kind in the folder of a run, by notebook in the rooms of `paper/`."""

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Places:
    """Paths under `root`, with {} in the place of the notebook's name: two folders and the file of run records."""

    root: Path
    tables: str
    figures: str
    runs: str

    def tables_of(self, notebook: str) -> Path:
        """The folder of a notebook's tables."""
        return self.root / self.tables.format(notebook)

    def figures_of(self, notebook: str) -> Path:
        """The folder of a notebook's figures."""
        return self.root / self.figures.format(notebook)

    def runs_of(self, notebook: str) -> Path:
        """The JSON-lines file of the run records that a notebook used."""
        return self.root / self.runs.format(notebook)

    def finished(self, notebook: str) -> bool:
        """Whether the notebook has come to its verdicts here."""
        return all((self.tables_of(notebook) / name).exists() for name in ("verdicts.csv", "columns.json"))

    def notebooks(self, only: str = "") -> list[str]:
        """Names of the notebooks that have tables here and begin with `only`."""
        depth = self.tables.split("/").index("{}")
        found = {path.relative_to(self.root).parts[depth] for path in self.root.glob(self.tables.format(f"{only}*"))}
        return sorted(found)


def of_run(folder: Path) -> Places:
    """Places in the folder of a run, `build/<profile>`, or of a reference."""
    return Places(folder, "tables/{}", "figures/{}", "runs/{}.jsonl")


def of_paper(folder: Path = ROOT / "paper") -> Places:
    """Places of the committed results of the paper profile: each notebook's room holds its own."""
    return Places(folder, "{}/tables", "{}/figures", "{}/runs.jsonl")
