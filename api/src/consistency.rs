//! What a caller knows of is there when he reads.

use poem::http::HeaderValue;

use crate::error::ApiError;

/// The position a read wants to see; none when it did not say.
pub(crate) fn wanted(header: Option<&HeaderValue>) -> Result<Option<u64>, ApiError> {
    let Some(value) = header else { return Ok(None) };
    let position = value.to_str().ok().and_then(|text| text.parse().ok());
    let position = position.filter(|it| *it < 1 << 53);
    let wrong = || ApiError::field("X-Min-Position", "must be the number of a commit");
    position.map(Some).ok_or_else(wrong)
}
