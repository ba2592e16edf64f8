"""Missing or superfluous pieces, wrong conditions and values."""

from tests.integration.automation.corpus.bug import Bug

BUGS: tuple[Bug, ...] = (
    Bug(
        "reverse_words",
        "missing call",
        """
        def reverse_words(sentence):
            words = sentence.split()
            return " ".join(reversed(words))
        """,
        ("reversed(words)", "words"),
        ("reverse_words('a b c') == 'c b a'", "reverse_words('') == ''", "reverse_words('one') == 'one'"),
    ),
    Bug(
        "distance",
        "missing call",
        """
        def manhattan(a, b):
            total = 0
            for x, y in zip(a, b):
                total += abs(x - y)
            return total
        """,
        ("abs(x - y)", "x - y"),
        ("manhattan((3, 4), (1, 1)) == 5", "manhattan((0, 0), (1, 1)) == 2", "manhattan((), ()) == 0"),
    ),
    Bug(
        "initials",
        "missing call",
        """
        def slug(title):
            words = title.strip().lower().split()
            return "-".join(words)
        """,
        ("title.strip().lower().split()", "title.strip().split()"),
        ("slug('hello world') == 'hello-world'", "slug(' Big  Day ') == 'big-day'", "slug('') == ''"),
    ),
    Bug(
        "tail_sum",
        "missing slice",
        """
        def nested_sum(items):
            if not items:
                return 0
            head = items[0]
            if isinstance(head, list):
                return nested_sum(head) + nested_sum(items[1:])
            return head + nested_sum(items[1:])
        """,
        ("head + nested_sum(items[1:])", "head + nested_sum(items)"),
        ("nested_sum([]) == 0", "nested_sum([1, 2]) == 3", "nested_sum([[1], [2, [3]]]) == 6"),
    ),
    Bug(
        "discounted",
        "missing arithmetic",
        """
        def price(base, percent):
            if percent <= 0:
                return base
            return base - base * percent / 100
        """,
        ("base - base * percent / 100", "base * percent / 100"),
        ("price(100, 0) == 100", "price(200, 10) == 180", "price(50, 100) == 0", "price(80, 25) == 60"),
    ),
    Bug(
        "strip_prefix",
        "extra code",
        """
        def without_prefix(text, prefix):
            if text.startswith(prefix):
                return text[len(prefix):]
            return text
        """,
        ("text[len(prefix):]", "text[len(prefix) + 1:]"),
        ("without_prefix('abc', 'a') == 'bc'", "without_prefix('abc', 'x') == 'abc'", "without_prefix('a', 'a') == ''"),
    ),
    Bug(
        "histogram",
        "extra code",
        """
        def histogram(items):
            counts = {}
            for item in items:
                counts[item] = counts.get(item, 0) + 1
            return counts
        """,
        ("        counts[item]", "        counts.pop(item, None)\n        counts[item]"),
        ("histogram('aab') == {'a': 2, 'b': 1}", "histogram('') == {}", "histogram('aa') == {'a': 2}"),
    ),
    Bug(
        "flatten",
        "extra code",
        """
        def flatten(items):
            for item in items:
                if isinstance(item, list):
                    yield from flatten(item)
                else:
                    yield item
        """,
        ("yield item", "yield flatten(item)"),
        ("list(flatten([])) == []", "list(flatten([1, [2, [3]]])) == [1, 2, 3]", "list(flatten([[4]])) == [4]"),
    ),
    Bug(
        "valid_name",
        "condition",
        """
        def is_valid(name, allowed):
            if not name or len(name) > 8:
                return False
            return all(letter in allowed for letter in name)
        """,
        ("if not name or", "if name or"),
        (
            "is_valid('abc', 'abc')",
            "not is_valid('', 'abc')",
            "not is_valid('abd', 'abc')",
            "not is_valid('a' * 9, 'a')",
        ),
    ),
    Bug(
        "free_shipping",
        "condition",
        """
        def shipping(total, member, country):
            if member and country == "home":
                return 0
            if total >= 50:
                return 0
            return 5
        """,
        ('if member and country == "home":', "if member:"),
        (
            "shipping(10, True, 'home') == 0",
            "shipping(10, True, 'away') == 5",
            "shipping(50, False, 'away') == 0",
            "shipping(49, False, 'home') == 5",
        ),
        solvable=False,
    ),
    Bug(
        "brackets",
        "condition",
        """
        def balanced(text):
            depth = 0
            for letter in text:
                if letter == "(":
                    depth += 1
                elif letter == ")":
                    depth -= 1
                if depth < 0:
                    return False
            return depth == 0
        """,
        ("return depth == 0", "return True"),
        ("balanced('()')", "not balanced('(')", "not balanced(')(')", "balanced('')", "balanced('(())')"),
    ),
    Bug(
        "overlap",
        "condition",
        """
        def overlaps(first, second):
            return first[0] < second[1] and second[0] < first[1]
        """,
        ("second[0] < first[1]", "second[0] > first[1]"),
        (
            "overlaps((0, 2), (1, 3))",
            "not overlaps((0, 1), (1, 2))",
            "not overlaps((5, 6), (1, 2))",
            "overlaps((0, 9), (3, 4))",
        ),
    ),
    Bug(
        "celsius",
        "constant",
        """
        FREEZING = 32

        def celsius(fahrenheit):
            return (fahrenheit - FREEZING) * 5 / 9
        """,
        ("FREEZING = 32", "FREEZING = 31"),
        ("celsius(32) == 0", "celsius(212) == 100", "celsius(-40) == -40"),
    ),
    Bug(
        "best",
        "constant",
        """
        def best(scores):
            winner, top = None, 0
            for name, score in scores:
                if winner is None or score > top:
                    winner, top = name, score
            return winner
        """,
        ("winner, top = None, 0", "winner, top = '', 0"),
        ("best([('a', 1), ('b', 2)]) == 'b'", "best([]) is None", "best([('a', -1)]) == 'a'"),
    ),
    Bug(
        "contains",
        "return",
        """
        def contains(tree, wanted):
            if tree is None:
                return False
            left, value, right = tree
            if wanted == value:
                return True
            return contains(left, wanted) or contains(right, wanted)
        """,
        ("return False", "return True"),
        (
            "contains((None, 1, None), 1)",
            "not contains(None, 1)",
            "not contains((None, 1, None), 2)",
            "contains((None, 1, (None, 2, None)), 2)",
        ),
    ),
    Bug(
        "rotate",
        "return",
        """
        def rotate(items, steps):
            if not items:
                return items
            steps %= len(items)
            return items[-steps:] + items[:-steps]
        """,
        ("items[-steps:] + items[:-steps]", "items[:-steps] + items[-steps:]"),
        ("rotate([1, 2, 3], 1) == [3, 1, 2]", "rotate([], 4) == []", "rotate([1, 2], 3) == [2, 1]"),
    ),
)
