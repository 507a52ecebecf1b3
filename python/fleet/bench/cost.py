"""What it costs to score a fleet centrally, and what scoring on the device saves: docs/fleet.md.

Every number is an option; those marked (measured) come from commands in docs/fleet.md, the others are
assumptions to be replaced by your own.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

DAY = 86_400


def options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    add: Callable[..., object] = parser.add_argument
    add("--devices", type=float, default=1e7, help="devices")
    add("--rate", type=float, default=1.0, help="samples a second of each")
    add("--rows-per-core", type=float, default=1.25e6, help="rows a second that a core scores (measured)")
    add("--payload", type=float, default=24, help="bytes of a sample: six channels of f32")
    add("--stored", type=float, default=35, help="bytes of a sample in Parquet (measured)")
    add("--batch", type=float, default=60, help="samples to a message")
    add("--overhead", type=float, default=120, help="bytes of headers and acknowledgements to a message")
    add("--load", type=float, default=0.5, help="share of the time that cores are busy")
    add("--alpha", type=float, default=1e-4, help="false alarms a sample, each sent as one message")
    add("--heartbeats", type=float, default=1, help="messages a day from a device that scores itself")
    add("--vcpu-hour", type=float, default=0.05, help="dollars a core and hour")
    add("--million-messages", type=float, default=1.0, help="dollars a million messages taken in")
    add("--gigabyte", type=float, default=0.0, help="dollars a GB into the cloud; connectivity goes here")
    add("--gigabyte-month", type=float, default=0.02, help="dollars to keep a GB for a month")
    add("--kept-days", type=float, default=30, help="days that rows are kept")
    add("--instructions", type=float, default=12_316, help="instructions to a score on the chip (measured)")
    add("--nanojoule", type=float, default=0.5, help="nJ an instruction")
    add("--send", type=float, default=10.0, help="mJ to send a message")
    return parser


def table(own: argparse.Namespace) -> str:
    """The costs of a day, as the table of docs/fleet.md."""
    samples = own.devices * own.rate * DAY
    messages = samples / own.batch
    cores = own.devices * own.rate / own.rows_per_core / own.load
    sent = samples * own.payload + messages * own.overhead
    alarms = samples * own.alpha
    few = alarms + own.devices * own.heartbeats
    few_sent = few * (own.payload + own.overhead)
    kept = own.kept_days * own.gigabyte_month / 30 / 1e9
    device = samples * own.instructions * own.nanojoule * 1e-9
    kilowatt_hours = 3.6e6

    def dollars(amount: float) -> str:
        return f"{amount:,.0f} $"

    lines = [
        ("samples", f"{samples:.3g}", f"{samples:.3g}"),
        ("cores that score, busy " + f"{100 * own.load:.0f} % of the time", f"{cores:,.0f}", "0"),
        ("messages", f"{messages:.3g}", f"{few:.3g}"),
        ("bytes over the network", f"{sent / 1e12:,.1f} TB", f"{few_sent / 1e9:,.1f} GB"),
        ("bytes of new rows in Parquet", f"{samples * own.stored / 1e12:,.1f} TB", f"{few * own.stored / 1e9:,.1f} GB"),
        ("cores", dollars(24 * cores * own.vcpu_hour), "0 $"),
        (
            "messages taken in",
            dollars(messages / 1e6 * own.million_messages),
            dollars(few / 1e6 * own.million_messages),
        ),
        ("bytes taken in", dollars(sent / 1e9 * own.gigabyte), dollars(few_sent / 1e9 * own.gigabyte)),
        (f"rows of {own.kept_days:.0f} days kept", dollars(samples * own.stored * kept), dollars(few * own.stored * kept)),
        ("energy of scores on the devices", "0 kWh", f"{device / kilowatt_hours:,.1f} kWh"),
        (
            "energy of sending on the devices",
            f"{messages * own.send / 1e3 / kilowatt_hours:,.1f} kWh",
            f"{few * own.send / 1e3 / kilowatt_hours:,.1f} kWh",
        ),
    ]
    rows = ["| a day of the fleet | scored centrally | scored on the device |", "|---|---|---|"]
    return "\n".join(rows + [f"| {what} | {central} | {local} |" for what, central, local in lines])


if __name__ == "__main__":
    print(table(options().parse_args()))
