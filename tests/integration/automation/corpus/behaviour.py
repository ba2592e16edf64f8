"""Missing lines and logic, and programs that hang, recurse, allocate, yield or mutate."""

from tests.integration.automation.corpus.bug import Bug

BUGS: tuple[Bug, ...] = (
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
