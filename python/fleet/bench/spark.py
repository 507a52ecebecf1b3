"""Times Spark on a folder of rows, on a master and two workers with a core each.

    python spark.py MODEL FOLDER
"""

from __future__ import annotations

import os
import sys
import time

from flow_fleet import spark
from flow_fleet.scorer import Scorer
from pyspark.sql import SparkSession


def main() -> None:
    model, folder = sys.argv[1:]
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local-cluster[2,1,2048]")
        .config("spark.executorEnv.PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        .config("spark.executor.memory", "2g")
        .config("spark.ui.enabled", False)
        .getOrCreate()
    )
    scored = spark.score(session.read.parquet(folder), Scorer.load(model))
    for attempt in range(2):
        start = time.monotonic()
        rows, alarms = scored.selectExpr("count(log_prob)", "count_if(alarm)").first()
        seconds = time.monotonic() - start
        warm = "warm" if attempt else "cold"
        print(f"{warm}: {rows} rows, {alarms} alarms, {seconds:.1f} s, {rows / seconds:,.0f} rows a second")
    session.stop()


if __name__ == "__main__":
    main()
