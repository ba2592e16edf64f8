"""Small programs with one planted defect each, written by hand and not from the search's own families."""

from __future__ import annotations

import dataclasses
import textwrap


@dataclasses.dataclass(frozen=True)
class Bug:
    """A right program, the fragment that is wrong in the broken one, and checks as Python expressions."""

    name: str
    kind: str
    right: str
    fragment: tuple[str, str]
    checks: tuple[str, ...]
    solvable: bool = True

    @property
    def correct(self) -> str:
        """The right program."""
        return textwrap.dedent(self.right).lstrip()

    @property
    def broken(self) -> str:
        """The program with its defect."""
        right, wrong = self.fragment
        program = self.correct
        assert program.count(right) == 1, f"{self.name}: {right!r} stands {program.count(right)} times"
        return program.replace(right, wrong)

    @property
    def tests(self) -> str:
        """A test file with one test for each check."""
        body = "\n".join(f"def test_{number}():\n    assert {check}\n" for number, check in enumerate(self.checks))
        return f"from bug_{self.name} import *\n\n{body}"


BUGS: tuple[Bug, ...] = (
    Bug(
        "clamp",
        "operator",
        """
        def clamp(value, low, high):
            if value < low:
                return low
            if value > high:
                return high
            return value
        """,
        ("value > high", "value < high"),
        ("clamp(5, 0, 10) == 5", "clamp(-1, 0, 10) == 0", "clamp(11, 0, 10) == 10", "clamp(10, 0, 10) == 10"),
    ),
    Bug(
        "leap",
        "operator",
        """
        def is_leap(year):
            return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        """,
        ("!= 0 or", "!= 0 and"),
        ("is_leap(2024)", "not is_leap(2023)", "not is_leap(1900)", "is_leap(2000)"),
    ),
    Bug(
        "average",
        "operator",
        """
        def average(numbers):
            # nothing has no average
            if not numbers:
                return 0.0
            return sum(numbers) / len(numbers)
        """,
        ("/ len", "// len"),
        ("average([]) == 0.0", "average([1, 2]) == 1.5", "average([4]) == 4", "average([2, 4]) == 3"),
    ),
    Bug(
        "parity_bits",
        "operator",
        """
        def count_bits(number):
            count = 0
            while number:
                number &= number - 1
                count += 1
            return count
        """,
        ("number &= number", "number ^= number"),
        ("count_bits(0) == 0", "count_bits(7) == 3", "count_bits(128) == 1", "count_bits(127) == 7"),
    ),
    Bug(
        "bisect",
        "off-by-one",
        """
        def find(items, wanted):
            low, high = 0, len(items) - 1
            while low <= high:
                middle = (low + high) // 2
                if items[middle] == wanted:
                    return middle
                if items[middle] < wanted:
                    low = middle + 1
                else:
                    high = middle - 1
            return -1
        """,
        ("low = middle + 1", "low = middle"),
        ("find([1, 3, 5], 3) == 1", "find([1, 3, 5], 1) == 0", "find([1, 3, 5], 5) == 2", "find([1, 3, 5], 6) == -1"),
    ),
    Bug(
        "windows",
        "off-by-one",
        """
        def windows(items, size):
            found = []
            for start in range(len(items) - size + 1):
                found.append(items[start:start + size])
            return found
        """,
        ("len(items) - size + 1", "len(items) - size"),
        ("windows([1, 2, 3], 2) == [[1, 2], [2, 3]]", "windows([1], 2) == []", "windows([1], 1) == [[1]]"),
    ),
    Bug(
        "primes",
        "off-by-one",
        """
        def primes(limit):
            found = []
            for number in range(2, limit + 1):
                if all(number % prime for prime in found):
                    found.append(number)
            return found
        """,
        ("range(2, limit + 1)", "range(2, limit)"),
        ("primes(1) == []", "primes(2) == [2]", "primes(10) == [2, 3, 5, 7]", "primes(11) == [2, 3, 5, 7, 11]"),
    ),
    Bug(
        "pages",
        "off-by-one",
        """
        class Pager:
            def __init__(self, total, size):
                self.total = total
                self.size = size

            def count(self):
                return (self.total + self.size - 1) // self.size

            def slice(self, page):
                first = (page - 1) * self.size
                return first, min(first + self.size, self.total)
        """,
        ("(page - 1) * self.size", "page * self.size"),
        ("Pager(10, 3).count() == 4", "Pager(10, 3).slice(1) == (0, 3)", "Pager(10, 3).slice(4) == (9, 10)"),
    ),
    Bug(
        "merge",
        "wrong name",
        """
        def merge(left, right):
            merged, i, j = [], 0, 0
            while i < len(left) and j < len(right):
                if left[i] <= right[j]:
                    merged.append(left[i])
                    i += 1
                else:
                    merged.append(right[j])
                    j += 1
            return merged + left[i:] + right[j:]
        """,
        ("right[j:]", "right[i:]"),
        (
            "merge([], []) == []",
            "merge([1], [2]) == [1, 2]",
            "merge([1, 4], [2, 3, 5]) == [1, 2, 3, 4, 5]",
            "merge([3], [1, 2]) == [1, 2, 3]",
        ),
    ),
    Bug(
        "transfer",
        "wrong name",
        """
        class Account:
            def __init__(self, balance):
                self.balance = balance
                self.limit = 0

        def transfer(source, target, amount):
            if source.balance - amount < source.limit:
                return False
            source.balance -= amount
            target.balance += amount
            return True

        def moved(first, second, amount):
            a, b = Account(first), Account(second)
            done = transfer(a, b, amount)
            return done, a.balance, b.balance
        """,
        ("source.balance - amount < source.limit", "target.balance - amount < source.limit"),
        (
            "moved(10, 0, 5) == (True, 5, 5)",
            "moved(10, 0, 11) == (False, 10, 0)",
            "moved(3, 9, 4) == (False, 3, 9)",
            "moved(9, 9, 4) == (True, 5, 13)",
        ),
    ),
    Bug(
        "dedupe",
        "wrong name",
        """
        def unique(items, key):
            seen = set()
            kept = []
            for item in items:
                mark = key(item)
                if mark not in seen:
                    seen.add(mark)
                    kept.append(item)
            return kept
        """,
        ("seen.add(mark)", "seen.add(item)"),
        (
            "unique([1, 2, 3], lambda n: n) == [1, 2, 3]",
            "unique([1, -1, 2], abs) == [1, 2]",
            "unique(['a', 'A'], str.lower) == ['a']",
            "unique([-3, 3], abs) == [-3]",
        ),
    ),
    Bug(
        "euclid",
        "swapped arguments",
        """
        def gcd(a, b):
            if b == 0:
                return a
            return gcd(b, a % b)
        """,
        ("gcd(b, a % b)", "gcd(a % b, b)"),
        ("gcd(12, 8) == 4", "gcd(7, 3) == 1", "gcd(5, 0) == 5", "gcd(6, 6) == 6"),
    ),
    Bug(
        "replace_all",
        "swapped arguments",
        """
        def expand(text, values):
            for key, value in values.items():
                text = text.replace("{" + key + "}", value)
            return text
        """,
        ('text.replace("{" + key + "}", value)', 'text.replace(value, "{" + key + "}")'),
        (
            "expand('hi {a}', {'a': 'you'}) == 'hi you'",
            "expand('x', {}) == 'x'",
            "expand('{b}{b}', {'b': '1'}) == '11'",
        ),
    ),
    Bug(
        "ratio",
        "swapped arguments",
        """
        def share(part, whole):
            return round(100 * part / whole, 1)

        def report(done, total):
            if total == 0:
                return "nothing to do"
            return f"{share(done, total)} %"
        """,
        ("share(done, total)", "share(total, done)"),
        ("report(1, 4) == '25.0 %'", "report(0, 0) == 'nothing to do'", "report(2, 2) == '100.0 %'"),
    ),
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
    Bug(
        "breadth_first",
        "missing line",
        """
        def reachable(graph, start):
            seen = {start}
            queue = [start]
            while queue:
                node = queue.pop(0)
                for other in graph.get(node, []):
                    if other not in seen:
                        seen.add(other)
                        queue.append(other)
            return seen
        """,
        ("                queue.append(other)\n", ""),
        (
            "reachable({}, 'a') == {'a'}",
            "reachable({'a': ['b']}, 'a') == {'a', 'b'}",
            "reachable({'a': ['b'], 'b': ['c']}, 'a') == {'a', 'b', 'c'}",
            "reachable({'a': ['b'], 'b': ['a']}, 'a') == {'a', 'b'}",
        ),
    ),
    Bug(
        "fibonacci",
        "missing line",
        """
        def fibonacci(count):
            first, second = 0, 1
            numbers = []
            for _ in range(count):
                numbers.append(first)
                following = first + second
                first = second
                second = following
            return numbers
        """,
        ("        first = second\n", ""),
        ("fibonacci(0) == []", "fibonacci(1) == [0]", "fibonacci(6) == [0, 1, 1, 2, 3, 5]"),
    ),
    Bug(
        "counter",
        "missing line",
        """
        def first_gap(numbers):
            expected = 0
            for number in sorted(numbers):
                if number != expected:
                    return expected
                expected += 1
            return expected
        """,
        ("        expected += 1\n", ""),
        ("first_gap([]) == 0", "first_gap([1, 2]) == 0", "first_gap([2, 0, 1]) == 3", "first_gap([0, 3]) == 1"),
    ),
    Bug(
        "empty_guard",
        "missing logic",
        """
        def longest(words):
            if not words:
                return ""
            return max(words, key=len)
        """,
        ('    if not words:\n        return ""\n', ""),
        ("longest(['a', 'bcd']) == 'bcd'", "longest([]) == ''", "longest(['x']) == 'x'"),
    ),
    Bug(
        "skip_blank",
        "missing logic",
        """
        def parse(lines):
            values = {}
            for line in lines:
                if not line:
                    continue
                key, value = line.split("=")
                values[key] = value
            return values
        """,
        ("        if not line:\n            continue\n", ""),
        ("parse(['a=1']) == {'a': '1'}", "parse([]) == {}", "parse(['a=1', '', 'b=2']) == {'a': '1', 'b': '2'}"),
    ),
    Bug(
        "caching",
        "missing logic",
        """
        def normalise(values):
            top = max(values)
            if top == 0:
                return [0.0] * len(values)
            return [value / top for value in values]
        """,
        ("    if top == 0:\n        return [0.0] * len(values)\n", ""),
        ("normalise([1, 2]) == [0.5, 1.0]", "normalise([0, 0]) == [0.0, 0.0]", "normalise([4]) == [1.0]"),
        solvable=False,
    ),
    Bug(
        "collatz",
        "hangs",
        """
        def collatz(number):
            steps = 0
            while number != 1:
                if number % 2 == 0:
                    number //= 2
                else:
                    number = 3 * number + 1
                steps += 1
            return steps
        """,
        ("number //= 2", "number *= 2"),
        ("collatz(1) == 0", "collatz(2) == 1", "collatz(6) == 8", "collatz(27) == 111"),
    ),
    Bug(
        "newton",
        "hangs",
        """
        def root(number):
            low, high = 0, number + 1
            while high - low > 1:
                middle = (low + high) // 2
                if middle * middle <= number:
                    low = middle
                else:
                    high = middle
            return low
        """,
        ("high - low > 1", "high - low > 0"),
        ("root(0) == 0", "root(1) == 1", "root(15) == 3", "root(16) == 4"),
    ),
    Bug(
        "power",
        "recurses without end",
        """
        def power(base, exponent):
            if exponent == 0:
                return 1
            half = power(base, exponent // 2)
            if exponent % 2:
                return half * half * base
            return half * half
        """,
        ("power(base, exponent // 2)", "power(base, exponent / 2 + 1)"),
        ("power(2, 0) == 1", "power(2, 10) == 1024", "power(3, 3) == 27", "power(5, 1) == 5"),
        solvable=False,
    ),
    Bug(
        "factorial",
        "recurses without end",
        """
        def factorial(number):
            if number <= 1:
                return 1
            return number * factorial(number - 1)
        """,
        ("factorial(number - 1)", "factorial(number)"),
        ("factorial(0) == 1", "factorial(1) == 1", "factorial(5) == 120", "factorial(3) == 6"),
    ),
    Bug(
        "doubling",
        "allocates without end",
        """
        def pad(items, size):
            padded = list(items)
            while len(padded) < size:
                padded.append(None)
            return padded
        """,
        ("len(padded) < size", "len(items) < size"),
        ("pad([], 0) == []", "pad([1], 3) == [1, None, None]", "pad([1, 2], 1) == [1, 2]"),
    ),
    Bug(
        "chunks",
        "yields lazily",
        """
        def chunks(items, size):
            chunk = []
            for item in items:
                chunk.append(item)
                if len(chunk) == size:
                    yield chunk
                    chunk = []
            if chunk:
                yield chunk
        """,
        ("    if chunk:\n", "    if not chunk:\n"),
        (
            "list(chunks([], 2)) == []",
            "list(chunks([1, 2, 3], 2)) == [[1, 2], [3]]",
            "list(chunks([1, 2], 2)) == [[1, 2]]",
        ),
    ),
    Bug(
        "shuffle_sort",
        "mutates its arguments",
        """
        def ordered(items):
            items = list(items)
            for end in range(len(items) - 1, 0, -1):
                for index in range(end):
                    if items[index] > items[index + 1]:
                        items[index], items[index + 1] = items[index + 1], items[index]
            return items

        def is_kept(items):
            before = list(items)
            ordered(items)
            return items == before
        """,
        ("items = list(items)", "items = items"),
        ("ordered([3, 1, 2]) == [1, 2, 3]", "is_kept([2, 1])", "is_kept([])", "ordered([]) == []"),
    ),
    Bug(
        "default_list",
        "mutates its arguments",
        """
        def with_total(row):
            row = dict(row)
            row["total"] = row["price"] * row["count"]
            return row

        def totals(rows):
            result = [with_total(row) for row in rows]
            return result, rows
        """,
        ('row["price"] * row["count"]', 'row["price"] + row["count"]'),
        ("totals([{'price': 2, 'count': 5}])[0][0]['total'] == 10", "totals([]) == ([], [])"),
    ),
    Bug(
        "roman",
        "no passing test",
        """
        SYMBOLS = [(10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i")]

        def roman(number):
            text = ""
            for value, symbol in SYMBOLS:
                while number >= value:
                    text += symbol
                    number -= value
            return text
        """,
        ("text += symbol", "text = symbol"),
        ("roman(14) == 'xiv'", "roman(3) == 'iii'", "roman(19) == 'xix'"),
    ),
    Bug(
        "inventory",
        "wrong attribute",
        """
        class Stock:
            def __init__(self):
                self.held = {}
                self.sold = {}

            def buy(self, item, count):
                self.held[item] = self.held.get(item, 0) + count

            def sell(self, item, count):
                if self.held.get(item, 0) < count:
                    raise ValueError(item)
                self.held[item] -= count
                self.sold[item] = self.sold.get(item, 0) + count

        def after(*moves):
            stock = Stock()
            for move, item, count in moves:
                getattr(stock, move)(item, count)
            return stock.held, stock.sold
        """,
        ("self.sold[item] = self.sold.get(item, 0) + count", "self.sold[item] = self.held.get(item, 0) + count"),
        (
            "after(('buy', 'a', 3)) == ({'a': 3}, {})",
            "after(('buy', 'a', 3), ('sell', 'a', 1)) == ({'a': 2}, {'a': 1})",
            "after(('buy', 'a', 3), ('sell', 'a', 1), ('sell', 'a', 1)) == ({'a': 1}, {'a': 2})",
        ),
    ),
    Bug(
        "guarded",
        "exception type",
        """
        def number(text, default):
            try:
                return int(text)
            except ValueError:
                return default
        """,
        ("except ValueError", "except TypeError"),
        ("number('4', 0) == 4", "number('x', 0) == 0", "number('', 7) == 7"),
    ),
)
