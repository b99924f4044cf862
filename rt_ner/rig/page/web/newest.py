"""Keep the newest snapshot for those who wait for it; the slow lose the ones between."""

import asyncio


class Newest:
    """The newest text, with a number that rises with each one."""

    def __init__(self) -> None:
        self._number, self._text = 0, ""
        self._changed = asyncio.Event()

    def put(self, text: str) -> None:
        """Replace the text, and wake those who wait."""
        self._number, self._text = self._number + 1, text
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def after(self, number: int) -> tuple[int, str]:
        """Wait for a text newer than that with this number, and return the newest and its number.

        Nothing is queued: whoever comes back late gets the newest text alone.
        """
        while self._number <= number:
            await self._changed.wait()
        return self._number, self._text
