"""Check-ins of the shape that SimpleCheckIns.swift draws: fifty branches, 200 people each, ten days."""

import gzip
import json
import math
import random
import zlib

BRANCHES = 50
PEOPLE = 200
DAYS = 10
COUNT = BRANCHES * PEOPLE * DAYS
NOTES = [
    "居家", "在家休息,未外出", "已向社区报备", "轻微咳嗽,已就诊", "实习单位停工", "与家人同住",
]


def draw(seed):
    """Rows, branch by branch and day by day."""
    source = random.Random(seed)
    regions = [f"{(33, 42, 51, 44, 36, 31)[place % 6]}{1_001 + place}" for place in range(460)]

    def chance(per_mille):
        return source.random() * 1_000 < per_mille

    def scatter():
        return sum(source.uniform(-0.13, 0.13) for _ in range(4))

    for branch in range(BRANCHES):
        homes = [source.choice(regions) for _ in range(PEOPLE)]
        usual = [36.4 + scatter() for _ in range(PEOPLE)]
        for day in range(1, DAYS + 1):
            second = 7 * 3_600
            for person in source.sample(range(PEOPLE), PEOPLE):
                second += int(-40 * math.log(source.uniform(0.0001, 1)))
                ill = chance(4)
                degrees = source.uniform(37.3, 38.9) if ill else usual[person] + scatter()
                date = f"2020-02-{day:02}"
                clock = f"{second // 3_600:02}:{second // 60 % 60:02}:{second % 60:02}"
                yield {
                    "branch": f"B{branch:04}",
                    "person": f"20{17 + person % 3}{branch:03}{person:04}",
                    "date": date,
                    "at": f"{date}T{clock}+08:00",
                    "temperature": round(degrees, 1),
                    "symptoms": source.randint(1, 7) if ill else 0,
                    "location": homes[person] if chance(985) else regions[person],
                    "travelled": chance(10),
                    "contact": chance(3),
                    "isolation": "none" if chance(970) else "home",
                    "note": source.choice(NOTES) if chance(33) else "",
                }


class Records:
    def __init__(self, seed):
        self.rows = list(draw(seed))
        self.lines = [
            json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for row in self.rows
        ]

    def batches(self, size):
        return [b"".join(self.lines[first : first + size]) for first in range(0, COUNT, size)]

    def blobs(self, size):
        return [zlib.compress(batch, 6) for batch in self.batches(size)]

    def zipped(self, size):
        return [gzip.compress(batch, 6, mtime=0) for batch in self.batches(size)]
