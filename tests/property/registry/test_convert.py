"""What a caller says of its instance comes back as it was said."""

from hypothesis import given
from hypothesis import strategies as st
from maestro.registry.v1 import instance_pb2
from maestro_services.registry.convert import instance_message, instance_of

IDS = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
MESSAGES = st.builds(
    lambda service, one, port, version, labels, state: instance_pb2.Instance(
        name=f"services/{service}/instances/{one}",
        address=f"h:{port}",
        version=version,
        labels=labels,
        state=state,
    ),
    IDS,
    IDS,
    st.integers(1, 65535),
    st.text(max_size=64),
    st.dictionaries(IDS, st.text(max_size=20), max_size=5),
    st.sampled_from([1, 2, 3, 4]),
)


@given(MESSAGES)
def test_an_instance_survives_the_way_through_the_domain(message):
    assert instance_message(instance_of(message)) == message


@given(MESSAGES)
def test_a_state_that_is_not_said_counts_as_ready(message):
    message.state = 0
    assert instance_message(instance_of(message)).state == instance_pb2.Instance.STATE_READY
