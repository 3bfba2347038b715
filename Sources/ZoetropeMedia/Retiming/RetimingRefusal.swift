/// Why a video is encoded anew instead of being retimed by an edit.
package struct RetimingRefusal: Error, Sendable, Hashable, CustomStringConvertible {
    /// The kind of reason.
    package enum Reason: String, Sendable, CaseIterable {
        // The file.
        case malformed, unreadable
        case tooLarge = "too_large"
        case fragmented
        case tracks
        case sampleDescriptions = "sample_descriptions"
        case editList = "edit_list"
        case length
        /// Its size, shape, turn or codec is not what may be published.
        case picture
        case colour
        case sound

        // The stream.
        case parameterSets = "parameter_sets"
        case changedParameterSets = "changed_parameter_sets"
        case sliceGroups = "slice_groups"
        case interlaced
        case pictureOrderType = "picture_order_type"
        case markingReset = "marking_reset"
        case switchingSlices = "switching_slices"
        case unitType = "unit_type"
        case redundantPictures = "redundant_pictures"
        /// A sample is not one picture whose slices follow each other.
        case sliceOrder = "slice_order"
        case frameNumberGap = "frame_number_gap"
        case startsWithoutKeyFrame = "starts_without_key_frame"
        case suppressedOutput = "suppressed_output"
        case equalPictureOrder = "equal_picture_order"
        /// The times of the file and the order of the stream disagree.
        case timeOrder = "time_order"
        case marking
        /// The stream needs more room than it says.
        case sourceBuffer = "source_buffer"

        // The result.
        case tooFewRepeats = "too_few_repeats"
        case tooFewDrops = "too_few_drops"
        case uneven
        case resultBuffer = "result_buffer"
        case level
        /// The finished file breaks a rule of the target.
        case target
    }

    package let reason: Reason
    /// For operators: numbers of the file, none of its text.
    package let detail: String

    init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    package var description: String { "\(reason.rawValue): \(detail)" }
}
