"""Request targets: a path goes on byte for byte, anything else is refused.

`//x` or `/a/../b` mean what the engine says they mean; a URL built from text would let the client
choose another host (absolute form, `name://x`).
"""

from tests.wire.malformed.case import (
    Case,
    either,
    label,
    passes,
    refused,
    refused_or_closed,
    request,
)

_RAW_EQUAL = (
    b"//case/@@",
    b"///case/@@",
    b"/case//@@",
    b"/case/@@/",
    b"/case/./@@",
    b"/case/../@@",
    b"/../../../etc/@@",
    b"/case/@@/..",
    b"/case/%2e%2e/@@",
    b"/case/%2E%2E%2f@@",
    b"/case%2f@@",
    b"/case%2F@@",
    b"/case/%5c@@",
    b"/case/%25%32%65@@",
    b"/case/%41%7e@@",
    b"/case/%e4%bd%a0@@",
    b"/case/@@%0d%0aX-Injected:%20x",
    b"/case/@@%00",
    b"/case/%@@",
    b"/case/%zz@@",
    b"/case/%u0041@@",
    b"/case/@@;p=1;q",
    b"/case/@@:80",
    b"/case/~@@!$&'()*+,;=",
    b"/case/@@/http://evil.example/",
    b"/http://evil.example/@@",
    b"/:@@",
    b"/case/@@?",
    b"/case/@@??",
    b"/case/@@?a=b&a=c&&d",
    b"/case/@@?a+b=%20+%2B",
    b"/case/@@?%zz=%",
    b"/case/@@?next=http://evil.example/",
    b"/case/@@?a/../b//c",
    b"/case/@@?a;b",
    b"/case/@@?a=\"<>'",
    b"/?@@",
    b"/%70ing?@@",
    b"//ping?@@",
    b"/./ping?@@",
    b"/ping/?@@",
    b"/PING?@@",
    b"/invocations/?@@",
    b"/INVOCATIONS?@@",
    b"/%69nvocations?@@",
)

# RFC 3986 does not know these characters in a path; many clients send them all the same.
_RAW_EQUAL_OR_REFUSED = (
    b'/case/@@"<>',
    b"/case/@@\\..\\",
    b"/case/@@{}|^`",
    b"/case/@@[1]",
    b"/case/@@/caf\xc3\xa9",
    b"/case/@@/\xff",
    b"/case/@@?caf\xe9",
)

_NO_PATH = (
    b"http://t/case/@@",
    b"http://evil.example/case/@@",
    b"http://evil.example:8000/case/@@",
    b"http://user:pw@t/case/@@",
    b"HTTP://t/case/@@",
    b"https://t/case/@@",
    b"ftp://t/case/@@",
    b"file:///case/@@",
    b"gopher://127.0.0.1:6379/_@@",
    b"name://case/@@",
    b"http:/case/@@",
    b"http:case/@@",
    b"http:///case/@@",
    b"javascript:alert(@@)",
    b"t:80/@@",
    b"evil.example:443/@@",
    b"case/@@",
    b"@evil.example/@@",
    b":80/@@",
    b"?@@",
    b"#@@",
    b"\\case\\@@",
    b"..//@@",
    b"%2fcase/@@",
    b"[::1]/@@",
    b"*/@@",
    b"\xff/@@",
)

CASES = [
    *(Case(f"target-{label(target)}", request(target=target), passes()) for target in _RAW_EQUAL),
    *(
        Case(f"target-{label(target)}", request(target=target), either(passes(), refused()))
        for target in _RAW_EQUAL_OR_REFUSED
    ),
    *(
        Case(f"target-{label(target)}", request(target=target), refused_or_closed(400))
        for target in _NO_PATH
    ),
    Case(
        "target-star",
        request(b"X-Case: @@", target=b"*"),
        refused(400),
    ),
    Case(
        "target-star-options",
        request(b"X-Case: @@", method=b"OPTIONS", target=b"*"),
        refused(400),
    ),
    Case(
        "target-absolute-post",
        request(b"Content-Length: 5", method=b"POST", target=b"http://t/case/@@", body=b"hello"),
        refused_or_closed(400),
    ),
    Case(
        "target-absolute-other-host",
        request(target=b"http://evil.example/case/@@", host=b"Host: t"),
        refused_or_closed(400),
    ),
    # A fragment is not part of a request target (RFC 9112 section 3.2): kept, cut or refused.
    *(
        Case(
            f"target-fragment-{label(target)}",
            request(target=target),
            either(passes(targets=(target, target.partition(b"#")[0])), refused()),
        )
        for target in (b"/case/@@#frag", b"/case/@@?q#frag", b"/case/@@?#", b"/case/@@#")
    ),
]
