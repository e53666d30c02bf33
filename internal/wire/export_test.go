package wire

// DecodeAnyMessage is DecodeMessage without the shortcut for messages as this package writes them.
var DecodeAnyMessage = decodeMessage

// ReadOwn is that shortcut.
var ReadOwn = readOwn
