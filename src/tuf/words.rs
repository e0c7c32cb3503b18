//! The PGP word list: every byte has a word of two syllables for even places and one of three for odd places, so that a
//! swapped or missing word is noticed when a digest is read aloud.

use super::digest::Digest;

impl Digest {
    /// The 32 words of the digest, first byte first.
    pub fn words(&self) -> Vec<&'static str> {
        self.as_bytes()
            .iter()
            .enumerate()
            .filter_map(|(place, byte)| list(place).split(' ').nth(usize::from(*byte)))
            .collect()
    }

    /// Reads 32 words; capitals do not matter.
    pub fn from_words(text: &str) -> Result<Self, BadWords> {
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() != 32 {
            return Err(BadWords::Count { found: words.len() });
        }
        let mut bytes = [0; 32];
        for ((place, word), byte) in words.iter().enumerate().zip(&mut bytes) {
            let known = list(place).split(' ').position(|known| known.eq_ignore_ascii_case(word));
            *byte = known
                .and_then(|value| u8::try_from(value).ok())
                .ok_or_else(|| BadWords::Word { place: place + 1, found: (*word).to_owned() })?;
        }
        Ok(Self::from_bytes(bytes))
    }
}

/// Whether a word can stand at this place of a digest, counted from 1; capitals do not matter.
pub fn can_stand(word: &str, place: usize) -> bool {
    let Some(place) = place.checked_sub(1).filter(|place| *place < 32) else { return false };
    list(place).split(' ').any(|known| known.eq_ignore_ascii_case(word))
}

/// Why words are not those of a digest.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadWords {
    /// Not 32 of them.
    #[error("expected 32 words, found {found}")]
    Count {
        /// How many there were.
        found: usize,
    },
    /// A word that cannot stand at its place.
    #[error("word {place}, {found:?}, is not a word for this place")]
    Word {
        /// The place, from 1.
        place: usize,
        /// The word.
        found: String,
    },
}

const fn list(place: usize) -> &'static str {
    if place.is_multiple_of(2) { EVEN } else { ODD }
}

/// Two syllables, for places 0, 2, 4 and so on, in the order of the bytes.
const EVEN: &str = "\
    aardvark absurd accrue acme adrift adult afflict ahead aimless Algol allow alone ammo \
    ancient apple artist assume Athens atlas Aztec baboon backfield backward banjo beaming \
    bedlamp beehive beeswax befriend Belfast berserk billiard bison blackjack blockade blowtorch \
    bluebird bombast bookshelf brackish breadline breakup brickyard briefcase Burbank button \
    buzzard cement chairlift chatter checkup chisel choking chopper Christmas clamshell classic \
    classroom cleanup clockwork cobra commence concert cowbell crackdown cranky crowfoot crucial \
    crumpled crusade cubic dashboard deadbolt deckhand dogsled dragnet drainage dreadful drifter \
    dropper drumbeat drunken Dupont dwelling eating edict egghead eightball endorse endow enlist \
    erase escape exceed eyeglass eyetooth facial fallout flagpole flatfoot flytrap fracture \
    framework freedom frighten gazelle Geiger glitter glucose goggles goldfish gremlin guidance \
    hamlet highchair hockey indoors indulge inverse involve island jawbone keyboard kickoff kiwi \
    klaxon locale lockup merit minnow miser Mohawk mural music necklace Neptune newborn \
    nightbird Oakland obtuse offload optic orca payday peachy pheasant physique playhouse Pluto \
    preclude prefer preshrunk printer prowler pupil puppy python quadrant quiver quota ragtime \
    ratchet rebirth reform regain reindeer rematch repay retouch revenge reward rhythm ribcage \
    ringbolt robust rocker ruffled sailboat sawdust scallion scenic scorecard Scotland seabird \
    select sentence shadow shamrock showgirl skullcap skydive slingshot slowdown snapline \
    snapshot snowcap snowslide solo southward soybean spaniel spearhead spellbind spheroid \
    spigot spindle spyglass stagehand stagnate stairway standard stapler steamship sterling \
    stockman stopwatch stormy sugar surmount suspense sweatband swelter tactics talon tapeworm \
    tempest tiger tissue tonic topmost tracker transit trauma treadmill Trojan trouble tumor \
    tunnel tycoon uncut unearth unwind uproot upset upshot vapor village virus Vulcan waffle \
    wallet watchword wayside willow woodlark Zulu";

/// Three syllables, for the other places.
const ODD: &str = "\
    adroitness adviser aftermath aggregate alkali almighty amulet amusement antenna applicant \
    Apollo armistice article asteroid Atlantic atmosphere autopsy Babylon backwater barbecue \
    belowground bifocals bodyguard bookseller borderline bottomless Bradbury bravado Brazilian \
    breakaway Burlington businessman butterfat Camelot candidate cannonball Capricorn caravan \
    caretaker celebrate cellulose certify chambermaid Cherokee Chicago clergyman coherence \
    combustion commando company component concurrent confidence conformist congregate consensus \
    consulting corporate corrosion councilman crossover crucifix cumbersome customer Dakota \
    decadence December decimal designing detector detergent determine dictator dinosaur \
    direction disable disbelief disruptive distortion document embezzle enchanting enrollment \
    enterprise equation equipment escapade Eskimo everyday examine existence exodus fascinate \
    filament finicky forever fortitude frequency gadgetry Galveston getaway glossary gossamer \
    graduate gravity guitarist hamburger Hamilton handiwork hazardous headwaters hemisphere \
    hesitate hideaway holiness hurricane hydraulic impartial impetus inception indigo inertia \
    infancy inferno informant insincere insurgent integrate intention inventive Istanbul Jamaica \
    Jupiter leprosy letterhead liberty maritime matchmaker maverick Medusa megaton microscope \
    microwave midsummer millionaire miracle misnomer molasses molecule Montana monument mosquito \
    narrative nebula newsletter Norwegian October Ohio onlooker opulent Orlando outfielder \
    Pacific pandemic Pandora paperweight paragon paragraph paramount passenger pedigree Pegasus \
    penetrate perceptive performance pharmacy phonetic photograph pioneer pocketful politeness \
    positive potato processor provincial proximate puberty publisher pyramid quantity racketeer \
    rebellion recipe recover repellent replica reproduce resistor responsive retraction \
    retrieval retrospect revenue revival revolver sandalwood sardonic Saturday savagery \
    scavenger sensation sociable souvenir specialist speculate stethoscope stupendous supportive \
    surrender suspicious sympathy tambourine telephone therapist tobacco tolerance tomorrow \
    torpedo tradition travesty trombonist truncated typewriter ultimate undaunted underfoot \
    unicorn unify universe unravel upcoming vacancy vagabond vertigo Virginia visitor vocalist \
    voyager warranty Waterloo whimsical Wichita Wilmington Wyoming yesteryear Yucatan";

#[cfg(test)]
#[expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may fail loudly")]
mod tests {
    use super::*;

    #[test]
    fn there_are_512_distinct_words() {
        let mut words: Vec<String> =
            EVEN.split(' ').chain(ODD.split(' ')).map(str::to_lowercase).collect();
        assert_eq!((EVEN.split(' ').count(), ODD.split(' ').count()), (256, 256));
        words.sort();
        words.dedup();
        assert_eq!(words.len(), 512);
    }

    #[test]
    fn the_words_of_the_published_example_come_out() {
        let mut bytes = [0; 32];
        let example = [0xe5, 0x82, 0x94, 0xf2, 0xe9, 0xa2, 0x27, 0x48, 0x6e, 0x8b];
        bytes[..10].copy_from_slice(&example);
        let words = Digest::from_bytes(bytes).words().join(" ");
        let known =
            "topmost Istanbul Pluto vagabond treadmill Pacific brackish dictator goldfish Medusa";
        assert!(words.starts_with(known), "{words}");
    }

    #[test]
    fn words_lead_back_to_the_digest() {
        let digest = Digest::of(b"abc");
        let words = digest.words().join(" ");
        assert_eq!(Digest::from_words(&words.to_uppercase()).unwrap(), digest);
    }

    #[test]
    fn a_word_stands_at_its_own_places_only() {
        assert!(can_stand("Stagehand", 7) && can_stand("adroitness", 20));
        assert!(!can_stand("stagehand", 20) && !can_stand("adroitness", 7));
        assert!(!can_stand("stagehand", 0) && !can_stand("stagehand", 33) && !can_stand("", 1));
    }

    #[test]
    fn swapped_words_are_noticed() {
        let mut words = Digest::of(b"abc").words();
        words.swap(4, 5);
        let bad = Digest::from_words(&words.join(" ")).unwrap_err();
        assert_eq!(bad, BadWords::Word { place: 5, found: words[4].to_owned() });
    }
}
