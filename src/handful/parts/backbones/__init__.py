"""Feature extractors. Each file: `build(context, *, options) -> Backbone`.

Shapes: n images, c channels of a feature map, h and w its cells. A backbone maps normalized images [n 3 h w] to feature
maps [n c h/stride w/stride], rounded up.
"""
