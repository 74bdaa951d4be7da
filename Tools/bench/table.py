"""Turns rows of JSON on standard input into a table on standard output, and with a path as its
argument into one JSON file. Its status is 1 when a limit is not kept."""

import json
import sys


def text(value):
    if value is None:
        return "-"
    return f"{value:.0f}" if value == int(value) else f"{value:.3g}" if value < 1 else f"{value:.2f}"


def main():
    rows = [json.loads(line) for line in sys.stdin if line.startswith("{")]
    print(f"{'':62} {'result':>8} {'lowest':>8} {'highest':>8} {'n':>4} {'limit':>6}")
    broken = 0
    for row in rows:
        if "missing" in row:
            print(f"{row['name']:62} {row['missing']}")
            continue
        limit = row["limit"]
        is_kept = limit is None or row["value"] <= limit
        broken += not is_kept
        print(f"{row['name'][:62]:62} {text(row['value']):>8} {text(row['low']):>8} "
              f"{text(row['high']):>8} {row['count']:4} {text(limit):>6} {row['unit']:6}"
              f"{'' if is_kept else 'ABOVE THE LIMIT  '}{row['note']}")
        row["kept"] = is_kept
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w") as file:
            json.dump(rows, file, indent=2)
            file.write("\n")
    sys.exit(1 if broken else 0)


main()
