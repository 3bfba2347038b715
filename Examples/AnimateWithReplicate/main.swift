import Foundation
import Replicate

do {
    let replicate = try ReplicateClient()  // REPLICATE_API_TOKEN, and what the simulator prints
    let photo = try await replicate.uploadFile(at: "photo.jpg", contentType: "image/jpeg")
    let prediction = try await replicate.createPrediction(
        .model("minimax/video-01-live"),
        input: ["prompt": "The person walks forward.", "first_frame_image": .string(photo.url)],
        cancelAfter: .seconds(20 * 60)
    )
    let result = try await replicate.waitUntilTerminal(prediction.id) { print($0.id, $0.status) }
    let file = try await replicate.download(result.outputFile(), to: "video.mp4")
    print("video.mp4 has \(file.size) bytes")
} catch {
    print("failed: \(error)")
    exit(1)
}
