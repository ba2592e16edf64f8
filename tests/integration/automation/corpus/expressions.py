"""Wrong operators, bounds, names and arguments."""

from tests.integration.automation.corpus.bug import Bug

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
)
