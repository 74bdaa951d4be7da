"""What libopus makes up for lost frames, without a call: as vc has it do that, and with the neural
network that libopus 1.5 has where it was built with one (decoder complexity 5).

usage: concealment.py WORK_FOLDER

No copies go along: this is about the frames that vc finds none of. PESQ-WB and STOI against what was said, the middle of all voices and seeds.
"""

import concurrent.futures
import statistics
import subprocess
import sys
import tempfile

import numpy
from measure import PAIRS, scores, synthesise

LOSSES = (5, 10, 20)
COMPLEXITIES = {"as it is": 0, "complexity 5": 5}
SEEDS = (1, 2, 3)


def score(work, said, loss, seed, complexity):
    result = subprocess.run(
        [f"{work}/codec", *map(str, (loss, seed, complexity))],
        input=said.astype(numpy.float32).tobytes(), check=True, stdout=subprocess.PIPE)
    return scores(said, numpy.frombuffer(result.stdout, numpy.float32).astype(numpy.float64))


def main():
    work = sys.argv[1]
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        voices = [synthesise(*voice, file.name) for pair in PAIRS for voice in pair]
    print(f"  {'made up by libopus':20}" + "".join(f"{name:>24}" for name in COMPLEXITIES))
    with concurrent.futures.ProcessPoolExecutor() as pool:
        for loss in LOSSES:
            cells = []
            for complexity in COMPLEXITIES.values():
                waiting = [pool.submit(score, work, said, loss, seed, complexity)
                           for said in voices for seed in SEEDS]
                results = [each.result() for each in waiting]
                pesq, stoi = (statistics.median(column) for column in zip(*results))
                cells.append(f"{pesq:14.2f}{stoi:10.3f}")
            print(f"  {loss:3} % lost{'':11}" + "".join(cells), flush=True)


if __name__ == "__main__":
    main()
