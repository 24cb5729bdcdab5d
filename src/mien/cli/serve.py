"""``mien serve`` and ``mien serve keys``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mien.errors import MissingExtraError, OptionError

app = typer.Typer(
    invoke_without_command=True, help="Run the service: jobs over HTTP, and its page."
)
keys = typer.Typer(no_args_is_help=True, help="The keys of clients.")
app.add_typer(keys, name="keys")
Folder = Annotated[Path, typer.Option(metavar="DIR", help="Folder of the state.")]
FOLDER = Path("mien-service")


@app.callback(invoke_without_command=True)
def serve(
    ctx: typer.Context,
    folder: Folder = FOLDER,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0 for any free one.")] = 8765,
    workers: Annotated[int, typer.Option(min=1, help="Analyses at a time.")] = 1,
) -> None:
    """Serve jobs over HTTP, and a page to work in."""
    if ctx.invoked_subcommand is not None:
        return
    try:
        import uvicorn

        from mien.server.app import create_app
    except ImportError:
        raise MissingExtraError("mien serve", "server") from None
    from mien.server.keys import Keys
    from mien.server.settings import Settings
    from mien.server.store import Store

    settings = Settings(folder.absolute(), host, port, workers=workers)
    store = Store(settings.folder)
    if not settings.loopback and not Keys(store).any():
        raise OptionError(
            f"--host {host} would let other machines in, and there is no key; make one by "
            "'mien serve keys add NAME', or leave --host out."
        )
    store.close()
    uvicorn.run(create_app(settings), host=host, port=port, access_log=False, server_header=False)


@keys.command("add")
def keys_add(
    name: Annotated[str, typer.Argument(help="Whose key it is.")], folder: Folder = FOLDER
) -> None:
    """Make a key; it is shown this once."""
    from mien.server.keys import Keys
    from mien.server.store import Store

    typer.echo(Keys(Store(folder.absolute())).add(name))
