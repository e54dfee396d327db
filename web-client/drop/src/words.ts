/** Words for new rooms: short, friendly, hard to mishear, no two alike. Each list has 128. */

const list = (words: string): readonly string[] => words.trim().split(/\s+/u);

/** How it is. */
export const firsts = list(`
  able agile airy amber ample apt azure bold bonny brave breezy bright brisk broad bronze calm candid carmine
  cedar chief chilly civil clear clever close cobalt comfy coral cosy crimson crisp daily dapper daring deep dewy
  eager early easy ebony elder equal even fabled fair famous fancy fast festive fine firm fleet floral fluent fond
  frank free fresh frosty gentle giant glad glossy golden good grand great green hale handy happy hardy hazel
  honest humble ideal indigo ivory jade jolly keen kind large leafy light lilac lively local loyal lucky lunar
  lush magic major maple mellow merry mighty mild mint misty modern mossy neat nimble noble northern olive open
  pale pearly plain polar proud quick quiet rapid ready
  rosy round royal ruby scarlet sharp shiny silent smooth snug
`);

/** What it is made of, or where. */
export const seconds = list(`
  acorn alder apple arch aspen autumn bamboo bay beacon birch bramble brass breeze brick bridge brook canyon
  canvas castle cave chalk cherry cliff cloud clover coast comet copper cotton cove crystal dale dawn delta desert
  dune dusk east elm ember fern field fig flint forest frost galaxy garden ginger glacier glade glass grain granite
  grape grove harbor heath hill hollow honey island ivy jasmine juniper lagoon lake lark laurel lava lemon linen
  lotus marble marsh meadow melon mesa moon moss mountain nectar north oak oasis ocean onyx orbit orchard palm paper
  pebble pepper pine plum pond poplar prairie quartz rain reef ridge river rose saffron sage sand silk silver
  sky snow solar south spring star stone storm summer sun timber tulip
  tundra valley velvet village violet water willow
`);

/** What it is. */
export const thirds = list(`
  anchor antler badger ballad barge basket bear beaver bell bench bird bison boat bottle bowl button cabin camel canoe
  carpet chair cello chorus clock coat colt compass condor crane crown cup deer dingo dolphin door dove drum duck
  eagle easel elk engine falcon feather fiddle finch flag flute fox gate gazelle gecko goose guitar gull hammer hare
  harp hat hawk helmet heron horn horse kayak kettle kite kiwi koala ladder lamp lantern lemur letter lion llama
  lobster loom lynx magnet marten mask mirror moose needle newt oboe orca osprey otter owl oyster panda parrot pelican
  pencil piano pilot pony puffin puma quill rabbit radio raven ring robin rocket salmon scarf seal ship shoe shuttle
  sparrow spoon squid swan table tiger train trout trumpet
  turtle viola walrus whale yak
`);
