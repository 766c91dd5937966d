"""Make the model district from the command line: ``python data/generator --seed 1 --out data``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from generator.model import generate


def main() -> None:
    """Read the options and make the model."""
    parser = argparse.ArgumentParser(prog="python data/generator", description="Make the model district.")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    parser.add_argument("--synthetic", action="store_true", help="make up a district that does not exist")
    parser.add_argument("--size", type=float, default=1.0, help="with --synthetic: 1 is 22 townships")
    options = parser.parse_args()
    generate(options.seed, options.out, options.size, synthetic=options.synthetic)


if __name__ == "__main__":
    main()
