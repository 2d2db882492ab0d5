/** What markup on a page without scripts may consist of: names as hast has them (HTML, SVG 2, MathML Core). */

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

export const SHOWING_TAGS = words(`
  a abbr address article aside audio b bdi bdo blockquote br caption center cite code col colgroup dd del details dfn
  div dl dt em figcaption figure font footer h1 h2 h3 h4 h5 h6 header hgroup hr i img ins kbd li main mark meter nav
  ol p picture pre progress q rp rt ruby s samp section small source span strike strong style sub summary sup table
  tbody td tfoot th thead time tr tt u ul var video wbr`);

export const SVG_TAGS = words(`
  svg g defs desc title symbol use image path rect circle ellipse line polyline polygon text tspan textPath marker
  clipPath mask pattern linearGradient radialGradient stop filter feBlend feColorMatrix feComponentTransfer feComposite
  feConvolveMatrix feDiffuseLighting feDisplacementMap feDistantLight feDropShadow feFlood feFuncA feFuncB feFuncG
  feFuncR feGaussianBlur feMerge feMergeNode feMorphology feOffset fePointLight feSpecularLighting feSpotLight feTile
  feTurbulence switch view`);

export const MATH_TAGS = words(`
  math semantics mrow mi mn mo ms mtext mspace mfrac msqrt mroot msub msup msubsup munder mover munderover
  mmultiscripts mprescripts none mtable mtr mtd mpadded mphantom mstyle menclose merror`);

export const SHARED_ATTRIBUTES = words(`
  abbr align alt ariaDescribedBy ariaDescription ariaHidden ariaLabel ariaLabelledBy ariaLevel ariaRoleDescription
  bgColor border cellPadding cellSpacing cite className color colSpan controls coords dataDisplay dataHeading
  dataLanguage dateTime dir face headers height high href hrefLang id label lang loop low max min muted name noWrap
  open optimum poster preload reversed role rowSpan scope size span src start style summary title type vAlign value
  valueAsNumber width`);

export const SVG_ATTRIBUTES = words(`
  alignmentBaseline amplitude azimuth baseFrequency baselineShift baseProfile bias clip clipPath clipPathUnits
  clipRule colorInterpolation colorInterpolationFilters cursor cx cy d diffuseConstant direction display divisor
  dominantBaseline dx dy edgeMode elevation exponent fill fillOpacity fillRule filter filterUnits floodColor
  floodOpacity fontFamily fontSize fontSizeAdjust fontStretch fontStyle fontVariant fontWeight fr fx fy
  gradientTransform gradientUnits in in2 intercept k1 k2 k3 k4 kernelMatrix kernelUnitLength lengthAdjust
  letterSpacing lightingColor limitingConeAngle markerEnd markerHeight markerMid markerStart markerUnits markerWidth
  mask maskContentUnits maskUnits mode numOctaves offset opacity operator order orient overflow paintOrder pathLength
  patternContentUnits patternTransform patternUnits points pointsAtX pointsAtY pointsAtZ preserveAlpha
  preserveAspectRatio primitiveUnits r radius refX refY result rotate rx ry scale seed shapeRendering slope
  specularConstant specularExponent spreadMethod startOffset stdDeviation stitchTiles stopColor stopOpacity stroke
  strokeDashArray strokeDashOffset strokeLineCap strokeLineJoin strokeMiterLimit strokeOpacity strokeWidth
  surfaceScale tableValues targetX targetY textAnchor textDecoration textLength textRendering transform
  transformOrigin unicodeBidi values vectorEffect version viewBox visibility wordSpacing writingMode x x1 x2
  xChannelSelector xLinkHref xmlns xmlnsXLink y y1 y2 yChannelSelector z`);

export const MATH_ATTRIBUTES = words(`
  accent accentunder columnalign columnlines columnspacing depth displaystyle fence frame linethickness lspace
  mathbackground mathcolor mathsize mathvariant maxsize minsize movablelimits notation rowalign rowlines rowspacing
  rspace scriptlevel separator stretchy symmetric voffset`);
