from handful.core.lru_cache import LRUCache


def test_a_value_is_computed_once_while_it_is_cached() -> None:
    computed = []
    cache = LRUCache[str](size=2)

    def value(key: str) -> str:
        def compute() -> str:
            computed.append(key)
            return key.upper()

        return cache.get(key, compute)

    assert [value(key) for key in ("a", "b", "a", "c", "a", "b")] == ["A", "B", "A", "C", "A", "B"]
    assert computed == ["a", "b", "c", "b"], "b was used least recently when c came"


def test_a_put_value_replaces_and_a_removed_one_is_gone() -> None:
    cache = LRUCache[int](size=1)
    cache.put("a", 1)
    cache.put("a", 2)
    assert cache.get("a", lambda: 3) == 2
    cache.put("b", 4)
    assert "a" not in cache
    cache.remove("b")
    cache.remove("a")
    assert "b" not in cache
