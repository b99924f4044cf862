"""Read if the left mouse button is pressed, over any window: Qt tells only of its own windows."""

import ctypes
import sys
from collections.abc import Callable

# Returns True while the button is pressed.
IsPressed = Callable[[], bool]

_X11_LEFT = 1 << 8
_WINDOWS_LEFT, _WINDOWS_RIGHT, _WINDOWS_ARE_SWAPPED = 0x01, 0x02, 23
_WINDOWS_DOWN = 0x8000
_MAC_FRAMEWORK = "/System/Library/Frameworks/ApplicationServices.framework/ApplicationServices"


def left_button(platform: str) -> IsPressed | None:
    """Return a reader of the left button on a Qt platform; None where it can't be read."""
    makers: dict[str, Callable[[], IsPressed | None]]
    makers = {"xcb": _on_x11, "windows": _on_windows, "cocoa": _on_mac}
    try:
        return makers[platform]() if platform in makers else None
    except OSError:
        # The system's library is not there.
        return None


def _on_x11() -> IsPressed | None:
    x11 = ctypes.CDLL("libX11.so.6")
    x11.XOpenDisplay.restype = ctypes.c_void_p
    x11.XDefaultRootWindow.argtypes = [ctypes.c_void_p]
    x11.XDefaultRootWindow.restype = ctypes.c_ulong
    pointer = ctypes.POINTER
    x11.XQueryPointer.argtypes = [
        ctypes.c_void_p, ctypes.c_ulong, *[pointer(ctypes.c_ulong)] * 2,
        *[pointer(ctypes.c_int)] * 4, pointer(ctypes.c_uint),
    ]  # fmt: skip
    if not (display := x11.XOpenDisplay(None)):
        return None
    root = x11.XDefaultRootWindow(display)
    windows, places = [ctypes.c_ulong() for _ in range(2)], [ctypes.c_int() for _ in range(4)]
    pressed = ctypes.c_uint()
    answer = [ctypes.byref(each) for each in (*windows, *places, pressed)]

    def read() -> bool:
        x11.XQueryPointer(display, root, *answer)
        return bool(pressed.value & _X11_LEFT)

    return read


def _on_windows() -> IsPressed | None:
    if sys.platform != "win32":
        return None
    user = ctypes.WinDLL("user32")
    are_swapped = user.GetSystemMetrics(_WINDOWS_ARE_SWAPPED)
    button = _WINDOWS_RIGHT if are_swapped else _WINDOWS_LEFT
    return lambda: bool(user.GetAsyncKeyState(button) & _WINDOWS_DOWN)


def _on_mac() -> IsPressed:
    services = ctypes.CDLL(_MAC_FRAMEWORK)
    services.CGEventSourceButtonState.restype = ctypes.c_bool
    # Of the whole session, the left button.
    return lambda: bool(services.CGEventSourceButtonState(0, 0))
