package target

var PlainJSON = plainJSON
