"""`modeldex serve`: the search page on this machine, after a crawl of a folder if one is named."""

from __future__ import annotations

import errno
import logging
from pathlib import Path
from typing import Any

import click

from catalog.errors import UserError
from catalog.logs import configure_logging
from catalog.settings import Settings
from webui.commands.garbage import collect_seldom
from webui.security import OwnNames, is_loopback
from webui.settings import ServerSettings

LOG_LINE = "%(asctime)s %(levelname)s %(name)s: %(message)s"


@click.command()
@click.argument("path", required=False)
@click.option("--host", help="Address to listen on (default: the setting host, 127.0.0.1).")
@click.option(
    "--port", type=click.IntRange(0, 65_535), help="Port to listen on, 0 for any free one (default: 8080)."
)
@click.option(
    "--allow-host",
    "names",
    multiple=True,
    metavar="NAME",
    help="A name under which this server is reached, beside those of the setting server.names.",
)
@click.option("--no-crawl", is_flag=True, help="Do not crawl PATH first; only serve what is known.")
@click.option("--no-worker", is_flag=True, help="Leave the crawls that are due to a `modeldex worker`.")
@click.pass_obj
def serve(
    settings: Settings,
    path: str | None,
    host: str | None,
    port: int | None,
    names: tuple[str, ...],
    no_crawl: bool,
    no_worker: bool,
) -> None:
    """Serve the search page; with PATH, crawl that folder or address meanwhile.

    The page answers at once and shows the crawl's progress. What is a source is crawled by its schedule while the server
    runs; workers elsewhere share the work. End with Ctrl-C.
    """
    address = None if path is None else _crawlable(path)
    configure_logging(settings, level=logging.WARNING, text=LOG_LINE)
    logging.getLogger("waitress").setLevel(logging.ERROR)
    logging.getLogger("webui.es").setLevel(logging.INFO)  # one line per request of a program
    where = settings.section(ServerSettings)
    host = host or where.host
    wanted_port = where.port if port is None else port
    has_worker = where.worker and not no_worker
    names += tuple(name.strip() for name in where.names.split(","))
    _run(settings, host, wanted_port, None if no_crawl else address, names, has_worker=has_worker)


def _crawlable(path: str) -> str:
    """The address to crawl, the same wherever the crawl runs. Raises UserError if there is nothing there."""
    from crawler.addresses import LOCAL, check_address, local_path, scheme_of  # noqa: PLC0415 - only where there is a PATH

    if scheme_of(path) != LOCAL:
        check_address(path)
        return path
    folder = Path(local_path(path))
    if not folder.exists():
        raise UserError(
            f"{path}: there is no such file or directory.", advice="Give the folder that holds the models."
        )
    return str(folder.resolve())


def _run(
    settings: Settings, host: str, port: int, path: str | None, names: tuple[str, ...], *, has_worker: bool
) -> None:
    from webui.app import create_app  # noqa: PLC0415 - Flask is paid for by this command alone
    from webui.caching import remembering  # noqa: PLC0415
    from webui.commands.crawl_child import CrawlChild  # noqa: PLC0415
    from webui.commands.worker_child import WorkerChild  # noqa: PLC0415
    from webui.contracts import close_services, open_services  # noqa: PLC0415

    crawl = worker = None
    waiting = _WaitingCrawl()
    services = open_services(settings, crawl=waiting if path is not None else None)
    app = create_app(settings, services)
    own = app.config["OWN_NAMES"] = OwnNames.of(host, names)
    server = _listening(app, host, port)
    try:
        # The port is ours before the crawl starts: a second `serve` must not crawl and then fail.
        if path is not None:
            crawl = waiting.child = CrawlChild(path, home=settings.home)
        if has_worker:
            worker = WorkerChild(settings.home)
        click.echo(f"Modeldex is at {_address(host, server)} (end with Ctrl-C)", err=True)
        if not is_loopback(host):
            if services.identity is None or not services.identity.are_users_set_up():
                click.echo(
                    "Note: no users are set up, so everybody who reaches this address can read the catalog.",
                    err=True,
                )
            click.echo(
                f"It answers to its addresses and to the names {', '.join(sorted(own.names))}.", err=True
            )
        collect_seldom()
        server.run()
    except KeyboardInterrupt:
        pass
    finally:
        server.close()
        for child in (worker, crawl):
            if child is not None:
                child.stop()
        app.extensions["modeldex-es"].close()
        remembering.close(app)
        close_services(services)


class _WaitingCrawl:
    """The crawl that is about to start, so that the application can be made before the child process is."""

    child: Any = None

    def status(self) -> Any:
        return None if self.child is None else self.child.status()


def _listening(app: Any, host: str, port: int) -> Any:
    from webui.commands.bounded_server import listening_server  # noqa: PLC0415 - paid for when a server starts

    try:
        return listening_server(app, host=host, port=port)
    except OSError as error:
        raise _cannot_listen(host, port, error) from error
    except ValueError as error:
        raise UserError(f"{host}: not an address to listen on.", advice="Try --host 127.0.0.1.") from error


def _cannot_listen(host: str, port: int, error: OSError) -> UserError:
    if error.errno == errno.EADDRINUSE:
        return UserError(
            f"Port {port} on {host} is already in use.", advice=f"Try: modeldex serve --port {port + 1}"
        )
    if error.errno == errno.EACCES:
        return UserError(
            f"Port {port} may not be used by this user.", advice="Try: modeldex serve --port 8080"
        )
    return UserError(
        f"Cannot listen on {host}:{port}: {error.strerror or error}.", advice="Try --host 127.0.0.1."
    )


def _address(host: str, server: Any) -> str:
    port = getattr(server, "effective_port", None) or server.effective_listen[0][1]
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound
    return f"http://[{shown}]:{port}/" if ":" in shown else f"http://{shown}:{port}/"
