"""A cache of the few values that were used last."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LRUCache(Generic[T]):
    """The values of the last `size` keys; a further one removes the least recently used. Not safe for threads.

    Example:
        >>> from handful.core.lru_cache import LRUCache
        >>> cache = LRUCache[int](size=2)
        >>> [cache.get(name, lambda: len(name)) for name in ("a", "bb", "a", "ccc")]
        [1, 2, 1, 3]
        >>> "a" in cache, "bb" in cache
        (True, False)
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._values: OrderedDict[str, T] = OrderedDict()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def get(self, key: str, compute: Callable[[], T]) -> T:
        """The value of a key, computed where it is not cached."""
        if key not in self._values:
            self.put(key, compute())
        self._values.move_to_end(key)
        return self._values[key]

    def put(self, key: str, value: T) -> None:
        """Cache a value as the one that was used last."""
        self._values[key] = value
        self._values.move_to_end(key)
        while len(self._values) > self.size:
            self._values.popitem(last=False)

    def remove(self, key: str) -> None:
        """Forget the value of a key, if there is one."""
        self._values.pop(key, None)
