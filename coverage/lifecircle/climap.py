"""Offer the verb that draws the map again, with a base map of the user's own if asked."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def draw(directory: Annotated[Path, typer.Argument(help="Run directory. 结果文件夹", show_default=False)],
         tiles: Annotated[str, typer.Option(help="Base map: tianditu_vec, tianditu_img, or an address with {z}, {x}, "
                                                 "{y}. 底图", show_default=False)] = "",
         key_env: Annotated[str, typer.Option(help="Environment variable that holds your key to it. 密钥所在环境变量",
                                              show_default=False)] = "",
         attribution: Annotated[str, typer.Option(help="Whom to credit for it. 底图署名", show_default=False)] = "",
         ) -> None:
    """Draw map.html again, over a base map if asked (重新出图)."""
    from lifecircle.outputs.maps import save_map
    from lifecircle.outputs.rundir import read_run
    from lifecircle.tiles import asked_map

    base = asked_map(tiles, key_env, attribution)
    save_map(read_run(directory), directory / "map.html", tiles=base)
    typer.echo(str(directory / "map.html"))
