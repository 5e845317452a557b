"""How a writer feels, by VADER and by what people said of the same texts.

Texts and ratings by people are those of VADER's paper (Hutto and Gilbert, 2014), which come with its source (MIT):
tweets, snippets of reviews of films and of products, and of newspapers. A rating is the mean of twenty, from -4 to 4.
"""

import concurrent.futures
import os
import pathlib

from server import KEY, ask, see
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

# Those from which the rules were learned stand at the multiples of four: they are not asked about.
EVERY, FIRST = 8, 3
SETS = ["tweets", "movieReviewSnippets", "amazonReviewSnippets", "nytEditorialSnippets"]

vader = SentimentIntensityAnalyzer()


def texts(name):
    lines = (pathlib.Path(os.environ["JUDGED_VADER"]) / f"{name}_GroundTruth.txt").read_text(encoding="utf-8", errors="replace")
    rows = [line.split("\t", 2) for line in lines.splitlines()]
    return [(float(rating) / 4, text.strip()) for _, rating, text in rows[FIRST::EVERY] if text.strip()]


def ours(text):
    answer = ask("POST", "/api/v1/conversational/emotional/analyze", KEY, json={"text": text})
    if answer.status_code != 200:
        see("a text is judged", False, f"{text!r}: {answer.text}")
    return answer.json()["data"]["sentiment"]["score"]


def side(score):
    """As VADER's authors cut it."""
    return (score >= 0.05) - (score <= -0.05)


def correlation(one, other):
    count = len(one)
    mean_one, mean_other = sum(one) / count, sum(other) / count
    both = sum((a - mean_one) * (b - mean_other) for a, b in zip(one, other))
    spread = sum((a - mean_one) ** 2 for a in one) * sum((b - mean_other) ** 2 for b in other)
    return both / spread**0.5


def right(scores, people):
    return sum(side(score) == side(person) for score, person in zip(scores, people)) / len(people)


sums = [0, 0]
for name in SETS:
    rated = texts(name)
    people = [rating for rating, _ in rated]
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        scores = list(pool.map(ours, [text for _, text in rated]))
    theirs = [vader.polarity_scores(text)["compound"] for _, text in rated]
    row = [right(scores, people), right(theirs, people), correlation(scores, people), correlation(theirs, people)]
    print(f"{name}, {len(rated)} texts: right {row[0]:.3f}, VADER {row[1]:.3f}; correlation {row[2]:.3f}, VADER {row[3]:.3f}")
    sums = [sums[0] + row[0], sums[1] + row[1]]
see("it is right as often as VADER, over the four", sums[0] >= sums[1], [it / len(SETS) for it in sums])
