"""Your own model: plan a layer, replace layers, convert trained ones, heal, rates; `fabric.nn` is the contents page."""
