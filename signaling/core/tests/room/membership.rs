//! What the media plane is told of who is in the room.

use signaling_core::Admission;
use signaling_core::grants::Grants;
use signaling_core::media::MediaCommand;
use signaling_core::request::Request;

use crate::world::{World, admission, hidden};

#[test]
fn it_learns_who_comes_may_send_and_goes() {
    let mut world = World::new();
    let ana = world.join(admission("ana"));
    let grants = Grants { can_publish_data: false, ..Grants::default() };
    let ben = world.join(Admission { grants, ..admission("ben") });
    let eve = world.join(hidden("eve"));
    let admitted = |member, may_send| MediaCommand::Admit { member, may_send };
    assert_eq!(
        world.members(),
        [admitted(ana.id, true), admitted(ben.id, false), admitted(eve.id, false)]
    );
    world.detach(ben.door);
    assert_eq!(world.members(), [], "it is there still");
    world.ask(eve.door, Request::Leave);
    assert_eq!(world.members(), [MediaCommand::Dismiss { member: eve.id }]);
}
