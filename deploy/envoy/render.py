"""Write the gateway's configuration: `python -m deploy.envoy.render --target embedded --services '{...}' --out FILE`.

JSON, which Envoy reads as it does YAML, so that nothing beyond the standard library is needed where it runs.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from deploy.envoy.bootstrap import bootstrap
from deploy.envoy.gateway import Address, Gateway, Tls

# In containers the network is the inner one and the names are the orchestrator's; on one machine all is loopback.
BIND = {"embedded": "127.0.0.1", "compose": "0.0.0.0"}


def main(arguments: Sequence[str] | None = None) -> None:
    """Render one configuration. Exits with 2 and a sentence when an argument is wrong."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        gateway = _gateway(options)
    except ValueError as error:
        parser.error(str(error))
    write(gateway, options.out)


def write(gateway: Gateway, out: Path) -> None:
    """Put the configuration in place in one step, so that a starting gateway never reads half of it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    draft = out.with_name(out.name + ".draft")
    draft.write_text(json.dumps(bootstrap(gateway), indent=1, sort_keys=True) + "\n", encoding="utf-8")
    draft.replace(out)


def _gateway(options: argparse.Namespace) -> Gateway:
    services = json.loads(options.services)
    bind = options.bind or BIND[options.target]
    return Gateway(
        services={name: Address.parse(value) for name, value in services.items()},
        listen=Address(bind, options.gateway_port),
        issuer=options.issuer,
        audience=options.audience,
        admin=Address("127.0.0.1", options.admin_port),
        metrics=Address(bind, options.metrics_port) if options.metrics_port else None,
        mailbox=Address.parse(options.mailbox) if options.mailbox else None,
        origins=tuple(options.origins.split()),
        tls=_tls(options),
        trusted_hops=options.trusted_hops,
        rate_factor=options.rate_factor,
    )


def _tls(options: argparse.Namespace) -> Tls | None:
    if bool(options.tls_certificate) != bool(options.tls_key):
        raise ValueError("--tls-certificate and --tls-key belong together")
    return Tls(options.tls_certificate, options.tls_key) if options.tls_key else None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m deploy.envoy.render", description=__doc__)
    add = parser.add_argument
    add("--target", choices=sorted(BIND), required=True)
    add("--services", required=True, help='JSON: service name to port or "host:port"')
    add("--gateway-port", type=int, required=True)
    add("--issuer", required=True, help="the iss that tokens must carry")
    add("--audience", required=True, help="the aud that tokens must carry")
    add("--out", type=Path, required=True, help="file to write; its name ends in .json or .yaml")
    add("--bind", help="address to listen on; default by target")
    add("--admin-port", type=int, default=9901, help="Envoy's admin door, on loopback only")
    add("--metrics-port", type=int, default=0, help="second door that serves /stats/prometheus alone")
    add("--mailbox", default="", help="port or host:port of the development mail sink's pages")
    add("--origins", default="", help="browser origins allowed by CORS, separated by spaces")
    add("--tls-certificate", default="", help="PEM chain; empty: TLS ends before the gateway")
    add("--tls-key", default="", help="PEM private key")
    add("--trusted-hops", type=int, default=0, help="proxies in front whose x-forwarded-for is believed")
    add("--rate-factor", type=float, default=1.0, help="multiplies every rate limit (load tests)")
    return parser


if __name__ == "__main__":
    main()
